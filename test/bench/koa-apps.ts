import { createSessions } from '@holdfast/koa'
import Koa from 'koa'
import { createSession } from 'koa-session'
import { SECRET, type App, type Data } from './app.js'

/** No session at all. */
const bare: App = (fixture) => {
  const app = new Koa()
  app.use((ctx) => {
    ctx.body = ctx.path === '/write' ? { visits: 1 } : { user: fixture.data.userId }
  })
  return app.callback()
}

/** What nobody can save who keeps sessions as text: one JSON.parse and one JSON.stringify. */
const jsonOnce: App = (fixture) => {
  let text = JSON.stringify(fixture.data)
  const app = new Koa()
  app.use((ctx) => {
    const data = JSON.parse(text) as Data
    if (ctx.path === '/write') data.visits = (data.visits ?? 0) + 1
    text = JSON.stringify(data)
    ctx.body = ctx.path === '/write' ? { visits: data.visits } : { user: data.userId }
  })
  return app.callback()
}

/** Its store keeps text, as every store outside of the process does and as express-session's MemoryStore does. */
const koaSession: App = (fixture) => {
  const records = new Map<string, string>()
  const store = {
    get: async (key: string): Promise<unknown> => JSON.parse(records.get(key) ?? 'null'),
    set: async (key: string, value: unknown): Promise<void> => void records.set(key, JSON.stringify(value)),
    destroy: async (key: string): Promise<void> => void records.delete(key),
  }
  const app = new Koa()
  app.keys = [SECRET]
  app.use(createSession({ store }, app))
  app.use((ctx) => {
    const session = (ctx as unknown as { session: Data }).session
    if (ctx.path === '/login') Object.assign(session, fixture.data)
    if (ctx.path === '/write') session.visits = (session.visits ?? 0) + 1
    ctx.body = ctx.path === '/write' ? { visits: session.visits } : { user: session.userId }
  })
  return app.callback()
}

const holdfast: App = (fixture) => {
  const app = new Koa().use(createSessions<Data>({ secret: SECRET, store: 'memory:', cookie: { secure: false } }))
  app.use((ctx) => {
    const { session } = ctx
    if (ctx.path === '/login') Object.assign(session, fixture.data)
    if (ctx.path === '/write') session.visits = (session.visits ?? 0) + 1
    ctx.body = ctx.path === '/write' ? { visits: session.visits } : { user: session.userId }
  })
  return app.callback()
}

export const koaApps = { bare, jsonOnce, library: koaSession, holdfast }
