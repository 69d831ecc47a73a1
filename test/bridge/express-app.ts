import { createServer, type Server } from 'node:http'
import { createSessions, expressSessionStore, type ExpressSessionStore, type OldStore } from '@holdfast/express'
import type { SessionOptions, SessionStore } from '@holdfast/core'
import express, { type Request, type Response } from 'express'
import session, { type SessionData } from 'express-session'
import { onTestFinished } from 'vitest'
import { type Answer, exchange, listen } from '../hold/exchange.js'

export const SECRET = 'the secret of express-session'

declare module 'express-session' {
  interface SessionData {
    user?: string
    visits?: number
    fields?: Record<string, number>
  }
}

/** Does something with the session; what it returns is the answer. */
export type Page = (req: Request, res: Response) => unknown
export type Pages = Readonly<Record<string, Page>>
export type TheirOptions = Partial<session.SessionOptions>

export interface App {
  readonly server: Server
  /** A browser with its cookies; several apps behind one name share them. */
  browse(): Browser
}
export interface Browser {
  cookie: string
  get(path: string, app?: App): Promise<Answer & { readonly setCookies: readonly string[] }>
}

/** What most tests ask for. */
export const basicPages = {
  login: (req) => void (req.session.user = 'ada'),
  show: (req) => withoutCookie(req.session),
  visit: (req) => (req.session.visits = (req.session.visits ?? 0) + 1),
  logout: (req) => called((done) => req.session.destroy(done)),
} satisfies Pages

export const withoutCookie = ({ cookie: _cookie, ...fields }: Partial<SessionData>) => fields

export const called = <T>(run: (done: (error?: unknown, answer?: T) => void) => unknown): Promise<T | undefined> =>
  new Promise((resolve, reject) => run((error, answer) => (error ? reject(error as Error) : resolve(answer))))

/** An app with express-session, as its users write it, on any store of theirs. */
export async function startApp(pages: Pages, options: TheirOptions): Promise<App> {
  const app = express().set('env', 'test')
  app.use(session({ secret: SECRET, resave: false, saveUninitialized: false, ...options }))
  for (const [name, page] of Object.entries(pages)) {
    app.get(`/${name}`, async (req, res) => {
      const answer = await page(req, res)
      if (!res.writableEnded) res.json({ answer: answer ?? null })
    })
  }
  const server = await listen(createServer(app))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const own: App = { server, browse: () => newBrowser(own) }
  return own
}

function newBrowser(first: App): Browser {
  const browser: Browser = {
    cookie: '',
    async get(path, { server } = first) {
      const { cookie } = browser
      const answer = await exchange(server, path, { headers: { cookie } })
      const setCookies = answer.headers['set-cookie'] ?? []
      // Of answers that overtake each other the first one stands: a browser would keep the last.
      const [set] = setCookies
      if (set !== undefined && browser.cookie === cookie) browser.cookie = set.split(';', 1)[0] as string
      return { ...answer, setCookies }
    },
  }
  return browser
}

export interface BridgeSetup {
  readonly store: string | SessionStore
  readonly adopt?: OldStore
  readonly engine?: Partial<SessionOptions<object>>
}

/** The store that the bridge gives, over an engine of its own. */
export function newBridgeStore({ store, adopt, engine }: BridgeSetup): ExpressSessionStore {
  const sessions = createSessions<object>({ secret: 'a secret of at least thirty-two bytes', store, ...engine })
  onTestFinished(() => sessions.close())
  return expressSessionStore(sessions, adopt && { adopt })
}

/** The answer of a page. */
export const said = ({ body }: Answer): unknown => (JSON.parse(body) as { answer: unknown }).answer
