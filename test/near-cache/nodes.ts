import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { createClock, type FaultyStore, faulty, type TestClock } from '@holdfast/conformance'
import { createEngine, type Engine, type Session, type SessionEvent, type SessionStore } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { onTestFinished, vi } from 'vitest'

export type Data = Record<string, unknown>
export const MAX_STALE_MS = 500
export const IDLE_MS = 1_800_000

/** One app server, with a near cache over the store that all share. */
export class AppServer {
  readonly sessions: Engine<Data>

  constructor(store: SessionStore | string, options: Partial<Parameters<typeof createEngine<Data>>[0]> = {}) {
    this.sessions = createEngine<Data>({
      secret: 'a secret of at least thirty-two bytes',
      store,
      nearCache: { maxStaleMs: MAX_STALE_MS },
      cookie: { secure: false },
      ...options,
    })
    onTestFinished(() => this.sessions.close())
  }

  /** What the session of this cookie holds; undefined: it is not logged in. */
  async see(cookie: string): Promise<Data | undefined> {
    const session = await this.sessions.read(requestWith(cookie))
    return session && { ...session }
  }

  /** A request from its beginning to the end of its commit; resolves to the cookie that it set. */
  async request(
    cookie: string,
    handler: (session: Session<Data>) => void | Promise<void> = () => {},
  ): Promise<string | undefined> {
    const req = requestWith(cookie)
    const res = new ServerResponse(req)
    const request = await this.sessions.attach(req, res)
    if (!request) throw new Error('The request was skipped.')
    await handler(request.session)
    await request.commit(200)
    request.applyHead()
    const [set] = String(res.getHeader('set-cookie') ?? '').split(';')
    return set === '' || set === 'sid=' ? undefined : set
  }

  change(cookie: string, handler: (session: Session<Data>) => void | Promise<void>): Promise<void> {
    return this.sessions.update(requestWith(cookie), handler)
  }
}

function requestWith(cookie: string): IncomingMessage {
  const req = new IncomingMessage(new Socket())
  req.headers.cookie = cookie
  req.url = '/'
  return req
}

export interface Site {
  readonly servers: readonly [AppServer, AppServer]
  /** Between each server's near cache and the store. */
  readonly stores: readonly [FaultyStore, FaultyStore]
  readonly clock: TestClock
  /** Time goes by, for the clock and for the age of what is near. */
  pass(ms: number): void
}

/** Two app servers over one `memory`; time stands still until `pass`. */
export function startSite(options: Partial<Parameters<typeof createEngine<Data>>[0]> = {}): Site {
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
  const clock = createClock()
  const shared = memoryStore({ clock: clock.now })
  const stores = [faulty(shared), faulty(shared)] as const
  const start = (store: SessionStore) => new AppServer(store, { clock: clock.now, idle: IDLE_MS, ...options })
  return {
    servers: [start(stores[0]), start(stores[1])],
    stores,
    clock,
    pass(ms) {
      clock.advance(ms)
      vi.advanceTimersByTime(ms)
    },
  }
}

/** The types of all events from now on. */
export function listen(): SessionEvent['type'][] {
  const types: SessionEvent['type'][] = []
  const heard = (event: unknown): void => void types.push((event as SessionEvent).type)
  subscribe('holdfast:session', heard)
  onTestFinished(() => void unsubscribe('holdfast:session', heard))
  return types
}
