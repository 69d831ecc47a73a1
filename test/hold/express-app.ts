import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { Express, NextFunction, Request, RequestHandler, Response } from 'express'
import helmet from 'helmet'
import morgan from 'morgan'
import { handlers } from './handlers.js'
import { type FakeTarget } from './fake-target.js'

export interface Setup {
  readonly express: () => Express
  /** Middleware around the hold: `before` is mounted above it, so that it wraps the response first. */
  readonly before?: RequestHandler
  readonly after?: RequestHandler
  /** A file with a text of some MB. */
  readonly file: string
}

/** One request as the server saw it. */
export interface Run {
  readonly req: Request
  readonly res: Response
  readonly target: FakeTarget | undefined
  readonly notes: unknown[]
  readonly logged: string[]
  /** Resolves when the response is closed and the handler is done. */
  readonly closed: Promise<unknown>
}

export interface HoldApp {
  readonly server: Server
  /** The last request. */
  run: Run
}

export type Mount = (req: Request, res: Response) => FakeTarget | undefined

/** An app that answers `GET /<name>` with each of `handlers`, behind what apps usually have in front of a session. */
export function expressApp({ express, before, after, file }: Setup, mount: Mount): HoldApp {
  const app = express()
  app.set('env', 'test')
  const hold: HoldApp = { server: createServer(app), run: undefined as unknown as Run }
  app.use((req, res, next) => {
    hold.run = { req, res, target: undefined, notes: [], logged: [], closed: once(res, 'close') }
    next()
  })
  app.use(morgan(':method :status', { stream: { write: (line) => hold.run.logged.push(line.trim()) } }))
  app.use(helmet())
  if (before) app.use(before)
  app.use((req, res, next) => {
    hold.run = { ...hold.run, target: mount(req, res) }
    next()
  })
  if (after) app.use(after)
  for (const [name, handler] of Object.entries(handlers)) {
    app.get(`/${encodeURIComponent(name)}`, (req, res) => {
      const { run } = hold
      const handled = handler(req, res, (what) => run.notes.push(what), file)
      hold.run = { ...run, closed: Promise.all([run.closed, handled]) }
    })
  }
  app.use((error: { status?: number; message: string }, _: Request, res: Response, next: NextFunction) => {
    res.statusMessage = ''
    if (res.headersSent) next(error)
    else res.status(error.status ?? 500).send(`custom ${error.message}`)
  })
  return hold
}
