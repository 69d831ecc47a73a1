import {
  isConfigError,
  isStoreUnavailable,
  listsKeys,
  migrate,
  type MigratingStore,
  type MigrationPhase,
  migrationStatus,
  moveMigration,
  type SessionStore,
  StoreUnavailableError,
} from '@holdfast/core'
import type fc from 'fast-check'
import { Backend, MapStore } from '../conformance/map-store.js'
import { type Calls, World } from './world.js'

export const PHASES = ['off', 'shadow', 'switch', 'drain', 'done'] as const
export const APP_SERVERS = 3

/** How app servers are brought from phase to phase. */
export interface Deployment {
  /** The store of an app server that starts now. */
  start(at: number, from: SessionStore, to: SessionStore, clock: () => number): SessionStore
  /** Begins to bring all to the next phase, or the one before. Resolves when they are on their way, or must not go there. */
  move(to: SessionStore, clock: () => number, by: 1 | -1, turn: (what: string) => Promise<unknown>): Promise<void>
  /** Resolves when all have followed, or should have. */
  follow(to: SessionStore, stores: readonly SessionStore[]): Promise<void>
}

const LOOK_MS = 1_000

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const phaseOf = (store: SessionStore): MigrationPhase | undefined => (store as Partial<MigratingStore>).status?.().phase

/** As in production: they follow the record. */
export const followers: Deployment = {
  async follow(to, stores) {
    for (let waited = 0; waited < 10 * LOOK_MS; waited += LOOK_MS / 2) {
      await pause(LOOK_MS / 2)
      const { phase, nodes, sweep, waitsUntil } = await migrationStatus(to)
      const isSwept = waitsUntil === undefined || sweep?.doneAt !== undefined || !stores.some(listsKeys)
      if (isSwept && nodes.length === APP_SERVERS && stores.every((store) => phaseOf(store) === phase)) return
    }
  },
  start: (_, from, to, clock) => migrate({ from, to, clock, lookEvery: LOOK_MS }),
  async move(to, clock, by) {
    try {
      const { phase } = await migrationStatus(to)
      const next = PHASES[PHASES.indexOf(phase) + by]
      if (next) await moveMigration(to, next, { clock })
    } catch (error) {
      if (!isConfigError(error) && !isStoreUnavailable(error)) throw error
    }
  },
}

/** Two store servers, and three app servers that move their sessions from one to the other. */
export class MigratingWorld extends World {
  readonly #schedule: fc.Scheduler
  readonly #deployment: Deployment
  readonly #ghosts: Iterator<boolean>
  readonly #stores: SessionStore[] = []
  /** Those of app servers that were killed, too. */
  readonly #started: SessionStore[] = []
  /** Life by life: the calls of one that was killed go nowhere. */
  readonly #lives: symbol[] = []
  readonly #servers = {
    from: { backend: new Backend(), cutFrom: new Set<number>() },
    to: { backend: new Backend(), cutFrom: new Set<number>() },
  }
  #isOver = false

  constructor(scheduler: fc.Scheduler, ghosts: Iterable<boolean>, deployment: Deployment) {
    super(scheduler)
    this.#schedule = scheduler
    this.#ghosts = ghosts[Symbol.iterator]()
    this.#deployment = deployment
  }

  override storeOf(at: number): Calls {
    return this.#stores[at] as SessionStore
  }

  override disturbed(work: () => Promise<void>): Promise<void> {
    return work()
  }

  /** Whatever ran there before is killed. */
  start(at: number, lists: boolean): void {
    const life = Symbol('life')
    this.#lives[at] = life
    const [from, to] = [this.#link(at, 'from', life, lists), this.#link(at, 'to', life, lists)]
    const store = this.#deployment.start(at, from, to, this.clock.now)
    this.#stores[at] = store
    this.#started.push(store)
  }

  move(by: 1 | -1): Promise<void> {
    return this.#deployment.move(this.#operator(), this.clock.now, by, (what) => this.#turn(what))
  }

  #operator(): SessionStore {
    return new MapStore(this.clock.now, this.#servers.to.backend)
  }

  cut(name: 'from' | 'to', appServers: readonly number[]): void {
    for (const at of appServers) this.#servers[name].cutFrom.add(at)
  }

  heal(): void {
    for (const { cutFrom } of Object.values(this.#servers)) cutFrom.clear()
  }

  follow(): Promise<void> {
    return this.#deployment.follow(this.#operator(), this.#stores)
  }

  phases(): readonly (MigrationPhase | undefined)[] {
    return this.#stores.map(phaseOf)
  }

  /** Nothing runs on into the next world. */
  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#started.map((store) => store.close()))
  }

  #link(at: number, name: 'from' | 'to', life: symbol, lists: boolean): SessionStore {
    const { backend, cutFrom } = this.#servers[name]
    const server = new MapStore(this.clock.now, backend)
    const call = async <T>(what: string, carryOut: () => Promise<T>): Promise<T> => {
      if (this.#isOver) return carryOut()
      const isCut = (): boolean => cutFrom.has(at) || this.#lives[at] !== life
      await this.#turn(`${what} of ${at} at ${name}`)
      if (!isCut()) {
        const answer = await carryOut()
        await this.#turn(`reply to ${what} of ${at} from ${name}`)
        if (!isCut()) return answer
      } else if (this.#ghosts.next().value === true) {
        void this.#turn(`${what} of ${at}, a ghost at ${name}`).then(carryOut)
      }
      await this.#turn(`failure of ${what} of ${at} at ${name}`)
      throw new StoreUnavailableError(`${name}: cut off from app server ${at}.`)
    }
    return {
      name,
      guarded: true,
      read: (key) => call('read', () => server.read(key)),
      write: (key, record, condition) => call('write', () => server.write(key, record, condition)),
      touch: (key, record, expiresAt) => call('touch', () => server.touch(key, record, expiresAt)),
      ...(lists && { keys: () => server.keys() }),
      close: async () => undefined,
    } as SessionStore
  }

  #turn(what: string): Promise<unknown> {
    return this.#schedule.schedule(Promise.resolve(), what)
  }
}
