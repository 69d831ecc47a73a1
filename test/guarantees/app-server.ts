import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Session, SessionOptions, Sessions } from '@holdfast/core'
import { createSessions as expressSessions } from '@holdfast/express'
import { createSessions as koaSessions } from '@holdfast/koa'
import express, { type NextFunction, type Request, type Response } from 'express'
import Koa from 'koa'

export type Data = Record<string, unknown>

/** What a page of the tests gets; the same on every framework. */
export interface Visit {
  readonly sessions: Sessions<Data>
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly query: URLSearchParams
  /** `ctx.session` or `req.session`. */
  readonly session: Session<Data>
  /** `ctx.session = …`, `req.session = …` */
  assign(data: Data | null): void
  status(code: number): void
  redirect(to: string): typeof ANSWERED
}

/** Gives the body, which goes out as JSON, or `ANSWERED`. */
export type Page = (visit: Visit) => unknown

/** The page has answered by itself. */
export const ANSWERED = Symbol('answered')

/** By path, without the slash. */
export type Pages = Readonly<Record<string, Page>>

export interface AppServer {
  readonly sessions: Sessions<Data>
  readonly server: Server
}

export type Framework = 'Koa' | 'Express'

/** Starts an app as a user writes it, on a free port of 127.0.0.1. */
export async function startAppServer(
  framework: Framework,
  options: SessionOptions<Data>,
  pages: Pages,
): Promise<AppServer> {
  const { sessions, listener } = framework === 'Koa' ? koaApp(options, pages) : expressApp(options, pages)
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { sessions, server }
}

type Listener = (req: IncomingMessage, res: ServerResponse) => void
interface App {
  readonly sessions: Sessions<Data>
  readonly listener: Listener
}

function koaApp(options: SessionOptions<Data>, pages: Pages): App {
  const sessions = koaSessions<Data>(options)
  const app = new Koa()
  app.silent = true
  app.use(sessions).use(async (ctx) => {
    const page = pages[ctx.path.slice(1)]
    if (!page) return ctx.throw(404)
    const body = await page({
      sessions,
      req: ctx.req,
      res: ctx.res,
      query: new URLSearchParams(ctx.querystring),
      get session() {
        return ctx.session
      },
      assign: (data) => void (ctx.session = data),
      status: (code) => (ctx.status = code),
      redirect: (to) => {
        ctx.redirect(to)
        return ANSWERED
      },
    })
    if (body !== ANSWERED) ctx.body = { page: body ?? null }
    else if (ctx.res.headersSent) ctx.respond = false
  })
  return { sessions, listener: app.callback() }
}

function expressApp(options: SessionOptions<Data>, pages: Pages): App {
  const sessions = expressSessions<Data>(options)
  const app = express()
  app.set('env', 'test')
  app.use(sessions)
  app.use(async (req: Request, res: Response, next: NextFunction) => {
    const page = pages[req.path.slice(1)]
    if (!page) return next()
    const body = await page({
      sessions,
      req,
      res,
      query: new URLSearchParams(req.url.split('?')[1]),
      get session() {
        return sessions.of(req)
      },
      assign: (data) => void ((req as { session: unknown }).session = data),
      status: (code) => res.status(code),
      redirect: (to) => {
        res.redirect(to)
        return ANSWERED
      },
    })
    if (body !== ANSWERED) res.json({ page: body ?? null })
  })
  return { sessions, listener: app }
}
