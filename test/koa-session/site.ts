import { createServer, type Server } from 'node:http'
import { faulty, type FaultyStore } from '@holdfast/conformance'
import { createSessions, type KoaSessions, koaSessionStore, type KoaSessionStoreOptions } from '@holdfast/koa'
import { memoryStore } from '@holdfast/memory'
import Koa from 'koa'
import { createSession, type CreateSessionOptions } from 'koa-session'
import { onTestFinished, vi } from 'vitest'
import { exchange, listen, type Answer } from '../hold/exchange.js'

export type Data = Record<string, unknown>

/** `ctx.session`, as koa-session gives it. */
export interface KoaSession extends Data {
  readonly isNew: boolean
  readonly externalKey: string
  maxAge: number | 'session' | undefined
  save(): Promise<void>
  regenerate(): Promise<void>
  manuallyCommit(): Promise<void>
}
export type Visit = Koa.ParameterizedContext<Koa.DefaultState, { session: KoaSession }>
export type Page = (visit: Visit) => unknown
export type Pages = Readonly<Record<string, Page>>

export const SECRET = 'a secret of the tests, 32 bytes at least'
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE

/** What a visitor of most tests can do. `login` and `set` take their values from the query. */
export const shop: Pages = {
  login: ({ session, query }) => void Object.assign(session, { user: 'ada' }, query),
  set: ({ session, query }) => void Object.assign(session, query),
  show: ({ session }) => session,
  logout: (ctx) => Reflect.set(ctx, 'session', null),
}

/** A koa-session app that answers `/page` with what the page gives back, and the errors that Koa was told of. */
export function koaSessionApp(
  pages: Pages,
  options: CreateSessionOptions,
  Framework: typeof Koa = Koa,
): Koa & { readonly errors: Error[] } {
  const app = Object.assign(new Framework<Koa.DefaultState, { session: KoaSession }>(), { errors: [] as Error[] })
  app.keys = ['a key of the tests']
  app.on('error', (error: Error) => app.errors.push(error))
  // What is passed is changed by koa-session.
  app.use(createSession({ ...options }, app))
  app.use(async (ctx) => {
    const page = await pages[ctx.path.slice(1)]?.(ctx)
    ctx.body = JSON.stringify({ page: page ?? null })
  })
  return app as never
}

/** Starts a server that stops with the test. */
export async function serve(app: Pick<Koa, 'callback'>): Promise<Server> {
  const server = await listen(createServer(app.callback()))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return server
}

export interface Visited extends Answer {
  /** What the page gave back. Throws when the answer is no page. */
  page<T = Data>(): T
  readonly setCookies: readonly string[]
}

/** A visitor: sends the cookies that were set last, to whichever server. */
export class Browser {
  readonly cookies: Map<string, string>
  headers: Record<string, string> = {}

  constructor(
    readonly server: () => Server,
    cookies: Iterable<readonly [string, string]> = [],
  ) {
    this.cookies = new Map(cookies)
  }

  async get(path: string): Promise<Visited> {
    const cookie = [...this.cookies].map((pair) => pair.join('=')).join('; ')
    const answer = await exchange(this.server(), path, { headers: { ...this.headers, ...(cookie && { cookie }) } })
    const setCookies = answer.headers['set-cookie'] ?? []
    for (const line of setCookies) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) as RegExpExecArray
      if (value === '') this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return { ...answer, setCookies, page: <T>() => (JSON.parse(answer.body) as { page: T }).page }
  }

  async show(): Promise<Data> {
    return (await this.get('/show')).page()
  }

  /** Another tab, or a thief: the same cookies as now. */
  copy(): Browser {
    return new Browser(this.server, this.cookies)
  }
}

interface OneOptions extends CreateSessionOptions, KoaSessionStoreOptions {
  readonly sessions?: Omit<Parameters<typeof createSessions>[0], 'secret' | 'store'>
}

export interface One {
  readonly browser: Browser
  readonly sessions: KoaSessions<Data>
  readonly store: ReturnType<typeof koaSessionStore>
  /** What lies between the bridge and a store in memory. */
  readonly below: FaultyStore
  readonly errors: readonly Error[]
  elapse(ms: number): void
}

/** One server over a store in memory, at a time that goes by only as it is told to. */
export async function oneServer(pages: Pages, { sessions: given, adopt, ...options }: OneOptions = {}): Promise<One> {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const below = faulty(memoryStore())
  const sessions = createSessions<Data>({ secret: SECRET, store: below, ...given })
  await sessions.ready()
  below.calls.read = 0
  const store = koaSessionStore(sessions, { adopt })
  const app = koaSessionApp(pages, { store, ...options })
  const server = await serve(app)
  return {
    browser: new Browser(() => server),
    sessions,
    store,
    below,
    errors: app.errors,
    elapse: (ms) => void vi.setSystemTime(Date.now() + ms),
  }
}
