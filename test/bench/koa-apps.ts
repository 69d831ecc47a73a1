import { createSessions } from '@holdfast/koa'
import Koa from 'koa'
import redisStore from 'koa-redis'
import { createSession } from 'koa-session'
import { NEAR_CACHE, SECRET, type App, type Data } from './app.js'
import { floor } from './floor.js'

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

/** A store that keeps text, as every store outside of the process does and as express-session's MemoryStore does. */
const textInMemory = () => {
  const records = new Map<string, string>()
  return {
    get: async (key: string): Promise<unknown> => JSON.parse(records.get(key) ?? 'null'),
    set: async (key: string, value: unknown): Promise<void> => void records.set(key, JSON.stringify(value)),
    destroy: async (key: string): Promise<void> => void records.delete(key),
  }
}

const koaSession =
  (store: (redisUrl: string) => ReturnType<typeof textInMemory>): App =>
  (fixture, redisUrl = '') => {
    const app = new Koa()
    app.keys = [SECRET]
    app.use(createSession({ store: store(redisUrl) }, app))
    app.use((ctx) => {
      const session = (ctx as unknown as { session: Data }).session
      if (ctx.path === '/login') Object.assign(session, fixture.data)
      if (ctx.path === '/write') session.visits = (session.visits ?? 0) + 1
      ctx.body = ctx.path === '/write' ? { visits: session.visits } : { user: session.userId }
    })
    return app.callback()
  }

const handMade: App = (fixture, redisUrl = '') => {
  const sessions = floor(redisUrl)
  const app = new Koa()
  app.use(async (ctx) => {
    if (ctx.path === '/login') {
      ctx.set('Set-Cookie', await sessions.create(fixture.data))
      ctx.body = { user: fixture.data.userId }
      return
    }
    const mine = await sessions.load(ctx.headers.cookie)
    if (!mine) return ctx.throw(401)
    if (ctx.path === '/write') {
      mine.data.visits = (mine.data.visits ?? 0) + 1
      await sessions.save(mine.id, mine.data)
    }
    ctx.body = ctx.path === '/write' ? { visits: mine.data.visits } : { user: mine.data.userId }
  })
  return app.callback()
}

type HoldfastStore = Pick<Parameters<typeof createSessions>[0], 'store' | 'nearCache'>

const holdfast =
  (where: (redisUrl: string) => HoldfastStore): App =>
  (fixture, redisUrl = '') => {
    const sessions = createSessions<Data>({ secret: SECRET, cookie: { secure: false }, ...where(redisUrl) })
    const app = new Koa().use(sessions)
    app.use((ctx) => {
      const { session } = ctx
      if (ctx.path === '/login') Object.assign(session, fixture.data)
      if (ctx.path === '/write') session.visits = (session.visits ?? 0) + 1
      ctx.body = ctx.path === '/write' ? { visits: session.visits } : { user: session.userId }
    })
    return app.callback()
  }

export const koaApps = {
  bare,
  jsonOnce,
  library: koaSession(textInMemory),
  holdfast: holdfast(() => ({ store: 'memory:' })),
  floor: handMade,
  libraryOnRedis: koaSession((url) => redisStore({ url }).on('error', () => {})),
  holdfastOnRedis: holdfast((store) => ({ store })),
  nearCache: holdfast((store) => ({ store, nearCache: NEAR_CACHE })),
} satisfies Record<string, App>
