import { ServerResponse } from 'node:http'
import { createClock } from '@holdfast/conformance'
import {
  createEngine,
  type Engine,
  isSessionConflict,
  isSessionGone,
  isStoreUnavailable,
  type Session,
  type SessionStore,
} from '@holdfast/core'
import type fc from 'fast-check'
import { vi } from 'vitest'
import { requestWith } from './request-with.js'
import { type Fate, SimulatedStore } from './simulated-store.js'

export type Data = Record<string, unknown>

/** What the client knows of a request: its change is stored, its session has ended, or the answer was an error. */
export type Outcome = 'stored' | 'gone' | 'failed'

const realImmediate = setImmediate
const SECRET = 'a secret of at least thirty-two bytes'
export const IDLE_MS = 1_800_000

let world: World

// An engine takes longer to make than to race, so all worlds share theirs; no session is ever in two worlds.
const storeOf = (at: number): SessionStore => ({
  name: 'simulated',
  guarded: true,
  read: (key, options) => world.storeOf(at).read(key, options),
  write: (key, record, condition, options) => world.storeOf(at).write(key, record, condition, options),
  touch: (key, record, expiresAt, options) => world.storeOf(at).touch(key, record, expiresAt, options),
  close: async () => undefined,
})
const clock = (): number => world.clock.now()
const makeServers = (nearCache?: { readonly maxStaleMs: number }): readonly Engine<Data>[] =>
  [0, 1, 2].map((at) => createEngine<Data>({ secret: SECRET, store: storeOf(at), clock, nearCache, idle: IDLE_MS }))
let plain: readonly Engine<Data>[] | undefined
let near: readonly Engine<Data>[] | undefined

export type Calls = Pick<SessionStore, 'read' | 'write' | 'touch'>

/** Three app servers and one store; a schedule decides who goes next, and timers run when nobody else can. */
export class World {
  readonly clock = createClock(1_000_000)
  readonly store: SimulatedStore
  readonly #scheduler: fc.Scheduler
  readonly #servers: readonly Engine<Data>[]

  /** `isNear`: the servers have near caches, whose answers are as old as they may be. */
  constructor(scheduler: fc.Scheduler, fates: readonly Fate[] = [], isNear = false) {
    this.#scheduler = scheduler
    this.store = new SimulatedStore(scheduler, this.clock.now, fates)
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the shared engines look here for their store
    world = this
    plain ??= makeServers()
    near ??= makeServers({ maxStaleMs: 60_000 })
    this.#servers = isNear ? near : plain
  }

  /** What an app server works with. */
  storeOf(_at: number): Calls {
    return this.store
  }

  /** While `work` runs, calls wait for their turns and meet their fates. */
  disturbed(work: () => Promise<void>): Promise<void> {
    return this.store.disturbed(work)
  }

  server(at: number): Engine<Data> {
    return this.#servers[at] as Engine<Data>
  }

  /** Runs all side by side in the order of the schedule, then the ghosts that are left. */
  async race(start: () => readonly Promise<unknown>[]): Promise<void> {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] })
    // No spy: vitest keeps each one for ever, which many runs have no memory for.
    const { random } = Math
    Math.random = () => 0.5
    try {
      await this.disturbed(() => this.#runAll(start))
    } finally {
      // The engines measure for a second whether the process stands still; a timer that is lost would be a standstill.
      vi.advanceTimersByTime(2_000)
      Math.random = random
      vi.useRealTimers()
    }
  }

  async #runAll(start: () => readonly Promise<unknown>[]): Promise<void> {
    let isOver = false
    const started = start()
    // Until the last has ended, also where one has failed: what goes on would meet the next world.
    void Promise.allSettled(started).then(() => {
      isOver = true
    })
    for (await settled(); !isOver || this.#scheduler.count() > 0; await settled()) {
      if (this.#scheduler.count() > 0) await this.#scheduler.waitOne()
      else if (vi.getTimerCount() > 0) vi.advanceTimersToNextTimer()
      else throw new Error('Nobody can go on, and there is no timer.')
    }
    await Promise.all(started)
  }

  /** A request with this cookie on one of the servers, from its beginning to the end of its commit. */
  async request(
    at: number,
    cookie: string,
    handler: (session: Session<Data>) => void | Promise<void>,
  ): Promise<{ readonly outcome: Outcome; readonly cookie: string | undefined }> {
    const req = requestWith(cookie)
    const res = new ServerResponse(req)
    let isGone = false
    const outcome = await outcomeOf(async () => {
      const request = await this.server(at).attach(req, res)
      if (!request) throw new Error('The request was skipped.')
      isGone = request.session.isNew
      if (isGone) return
      await handler(request.session)
      await request.commit(200)
      request.applyHead()
    })
    const header = String(res.getHeader('set-cookie') ?? '')
    return {
      outcome: isGone ? 'gone' : outcome,
      cookie: /^sid=;/.test(header) ? undefined : header.split(';')[0] || undefined,
    }
  }

  update(at: number, cookie: string, change: (session: Session<Data>) => void | Promise<void>): Promise<Outcome> {
    return outcomeOf(async () => void (await this.server(at).update(requestWith(cookie), change)))
  }

  /** What a later request with this cookie sees, once near caches have caught up; undefined: it is not logged in. */
  async see(cookie: string, at = 0): Promise<Data | undefined> {
    const session = await plain?.[at]?.read(requestWith(cookie))
    return session && { ...session }
  }
}

/** Lets everything run that needs no turn and no timer. */
const settled = (): Promise<void> => new Promise((resolve) => realImmediate(resolve))

export async function outcomeOf(work: () => Promise<void>): Promise<Outcome> {
  try {
    await work()
    return 'stored'
  } catch (error) {
    if (isSessionGone(error)) return 'gone'
    if (isStoreUnavailable(error) || isSessionConflict(error)) return 'failed'
    throw error
  }
}
