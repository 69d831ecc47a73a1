import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import expressSession from 'express-session'
import Koa from 'koa'
import { createSession as createKoaSession } from 'koa-session'
import { onTestFinished } from 'vitest'
import { exchange, type Answer } from '../hold/exchange.js'

type Data = Record<string, unknown>

/** What both libraries give a page. */
export interface Visit {
  session: Data | null
  readonly redirect: (to: string) => void
}
type Page = (visit: Visit) => unknown
export type Pages = Readonly<Record<string, Page>>

/** Another library's app on a server of its own, which stops with the test. */
export interface Site {
  /** Sends the cookies that were set last, unless told otherwise, and keeps those that come. */
  get(path: string, cookie?: string): Promise<Answer>
  /** The head alone, as soon as it is there. */
  head(path: string): Promise<{ readonly status: number | undefined; readonly cookie: string | undefined }>
}

async function serve(listener: (req: IncomingMessage, res: ServerResponse) => void): Promise<Site> {
  const server: Server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const jar = new Map<string, string>()
  return {
    async head(path) {
      const { port } = server.address() as AddressInfo
      const sent = request({ port, host: '127.0.0.1', path, agent: false }).end()
      const [message] = (await once(sent, 'response')) as [IncomingMessage]
      message.resume()
      return { status: message.statusCode, cookie: message.headers['set-cookie']?.[0]?.split(';', 1)[0] }
    },
    async get(path, cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')) {
      const answer = await exchange(server, path, { headers: { cookie } })
      for (const line of answer.headers['set-cookie'] ?? []) {
        const [name = '', value = ''] = line.split(';', 1)[0]!.split(/=(.*)/s)
        jar.set(name, value)
      }
      return answer
    },
  }
}

/** express-session on its MemoryStore, or on `store`. */
export function expressSessionSite(pages: Pages, options: Partial<expressSession.SessionOptions> = {}): Promise<Site> {
  const app = express()
  app.set('env', 'test')
  app.use(expressSession({ secret: 'tests', resave: false, saveUninitialized: false, ...options }))
  app.use(async (req, res) => {
    let answered = false
    await pages[req.path.slice(1)]!({
      session: req.session as unknown as Data,
      redirect: (to) => {
        answered = true
        res.redirect(to)
      },
    })
    if (!answered) res.json({ page: req.session ?? null })
  })
  return serve(app)
}

/** What koa-session's store of these tests stands on. */
export interface KeyValues {
  get(key: string): Promise<string | undefined> | string | undefined
  set(key: string, text: string): unknown
  delete(key: string): unknown
}

/** koa-session over a store that keeps JSON, as those over a server do. */
export function koaSessionSite(pages: Pages, stored: KeyValues = new Map<string, string>()): Promise<Site> {
  const app = new Koa()
  app.keys = ['tests']
  app.silent = true
  const store = {
    get: async (key: string) => JSON.parse((await stored.get(key)) ?? 'null') as Data | null,
    set: async (key: string, session: unknown) => void (await stored.set(key, JSON.stringify(session))),
    destroy: async (key: string) => void (await stored.delete(key)),
  }
  app.use(createKoaSession({ store }, app))
  app.use(async (ctx) => {
    await pages[ctx.path.slice(1)]!(ctx as unknown as Visit)
    if (ctx.status === 404) ctx.body = { page: ctx.session ?? null }
  })
  return serve(app.callback())
}
