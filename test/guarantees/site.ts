import type { SessionOptions } from '@holdfast/core'
import { faulty, type FaultyStore } from '@holdfast/conformance'
import { onTestFinished, vi } from 'vitest'
import { exchange, type Answer } from '../hold/exchange.js'
import { startAppServer, type AppServer, type Data, type Framework, type Pages } from './app-server.js'
import { calmTime } from './frozen-time.js'
import { memory, type StoreUnderTest } from './stores.js'

export interface Setup {
  readonly servers: readonly Framework[]
  readonly name: string
}

export const oneKoa: Setup = { name: 'one Koa server', servers: ['Koa'] }
export const oneExpress: Setup = { name: 'one Express server', servers: ['Express'] }
export const three: Setup = { name: 'three servers, Koa and Express', servers: ['Koa', 'Express', 'Koa'] }

/** One server of each framework, and several that share the store. */
export const setups: readonly Setup[] = [oneKoa, oneExpress, three]

interface SiteOptions extends Partial<SessionOptions<Data>> {
  /** Default: memory. */
  readonly on?: StoreUnderTest
  /** Deadlines are those of this machine's clock. Default: `calmTime`. */
  readonly realTime?: boolean
}

export interface Visited extends Omit<Answer, 'body'> {
  readonly body: string
  /** What the page gave back. Throws when the answer is no page. */
  page<T = unknown>(): T
  /** `name=value` of the session cookie that the answer sets; `undefined` when it sets none. */
  readonly cookie: string | undefined
  /** Every `Set-Cookie`. */
  readonly setCookies: readonly string[]
}

interface VisitOptions {
  readonly cookie?: string | undefined
  /** The index of the server. Default: one after the other. */
  readonly server?: number
}

/** One or more app servers over one shared store. */
export interface Site {
  readonly servers: readonly AppServer[]
  /** What lies between each server and the store. */
  readonly faults: readonly FaultyStore[]
  get(path: string, options?: VisitOptions): Promise<Visited>
  /** Calls to the store from all servers since the last time this was asked. */
  newCalls(): { readonly read: number; readonly write: number; readonly touch: number }
}

export const SECRET = 'a secret of the tests, 32 bytes at least'

/** Starts the servers of a setup; they stop with the test. */
export async function startSite(setup: Setup, pages: Pages, options: SiteOptions = {}): Promise<Site> {
  const { on = memory, realTime = false, clock = Date.now, ...session } = options
  if (!realTime) calmTime(on.pace)
  const shared = await on.open(clock)
  const faults = setup.servers.map(() => faulty(shared.connect()))
  const servers = await Promise.all(
    setup.servers.map((framework, i) =>
      startAppServer(framework, { secret: SECRET, ...session, clock, store: faults[i] }, pages),
    ),
  )
  await Promise.all(servers.map(({ sessions }) => sessions.ready()))
  onTestFinished(async () => {
    // What still waits for frozen time would keep the sessions from closing.
    if (vi.isFakeTimers()) await vi.advanceTimersByTimeAsync(5_000)
    for (const { server } of servers) server.close()
    await Promise.all(servers.map(({ sessions }) => sessions.close()))
    await shared.close()
  })

  let next = 0
  const newCalls = () => {
    const sum = { read: 0, write: 0, touch: 0 }
    for (const { calls } of faults) {
      for (const name of ['read', 'write', 'touch'] as const) {
        sum[name] += calls[name]
        calls[name] = 0
      }
    }
    return sum
  }
  newCalls()
  return {
    servers,
    faults,
    newCalls,
    get: (path, { cookie, server = next++ % servers.length } = {}) => visit(servers[server] as AppServer, path, cookie),
  }
}

/** One request on a connection of its own. */
export async function visit({ server }: AppServer, path: string, cookie?: string): Promise<Visited> {
  const answer = await exchange(server, path, { headers: cookie === undefined ? {} : { cookie } })
  const setCookies = answer.headers['set-cookie'] ?? []
  const own = setCookies.find((line) => line.startsWith('sid='))
  return {
    ...answer,
    setCookies,
    cookie: own?.slice(0, own.indexOf(';')),
    page<T>() {
      const { page } = JSON.parse(answer.body) as { page: T }
      return page
    },
  }
}

/** The cookie of a fresh session with this data. */
export async function loggedIn({ servers }: Site, data: Data = { userId: 'ada' }): Promise<string> {
  const { cookie } = await (servers[0] as AppServer).sessions.create(data)
  return cookie
}
