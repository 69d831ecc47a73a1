import { failover, replicate, type SessionStore, StoreUnavailableError } from '@holdfast/core'
import type fc from 'fast-check'
import { MEMBER_KEY } from '../../packages/core/src/member.js'
import { Backend, MapStore } from '../conformance/map-store.js'
import { type Calls, World } from './world.js'

/** A store's server: its data, and which app servers cannot reach it now. */
class Server {
  readonly backend = new Backend()
  readonly store: MapStore
  readonly cutFrom = new Set<number>()

  constructor(
    readonly name: string,
    clock: () => number,
  ) {
    this.store = new MapStore(clock, this.backend)
  }
}

export const APP_SERVERS = 3

/** Makes one store of those with these names. */
export type Join = (stores: Readonly<Record<string, SessionStore>>, clock: () => number) => SessionStore

/** Of two a primary and a standby, of more two copies of each session. */
const joinAsInCore: Join = (stores, clock) => {
  const [first, second, third] = Object.values(stores)
  return first && second && !third ? failover(first, second, { clock }) : replicate(stores, { copies: 2, clock })
}

/** Three app servers over several stores, each with a `replicate` or `failover` of its own, or what `join` makes. */
export class ReplicatedWorld extends World {
  readonly #schedule: fc.Scheduler
  readonly #servers = new Map<string, Server>()
  readonly #replicas: SessionStore[] = []
  readonly #join: Join
  readonly #ghosts: Iterator<boolean>
  #calm = true

  /** `ghosts` says of each call that was cut off whether its server carries it out all the same, later. */
  constructor(scheduler: fc.Scheduler, ghosts: Iterable<boolean>, names: readonly string[], join = joinAsInCore) {
    super(scheduler)
    this.#schedule = scheduler
    this.#join = join
    this.#ghosts = ghosts[Symbol.iterator]()
    for (let at = 0; at < APP_SERVERS; at++) this.connect(at, names)
  }

  override storeOf(at: number): Calls {
    return this.#replicas[at] as SessionStore
  }

  override async disturbed(work: () => Promise<void>): Promise<void> {
    this.#calm = false
    await work()
    this.#calm = true
  }

  /** The app server works with these stores from now on. */
  connect(at: number, names: readonly string[]): void {
    void this.#replicas[at]?.close()
    const links = names.map((name) => [name, this.#link(at, this.storeServer(name))] as const)
    this.#replicas[at] = this.#join(Object.fromEntries(links), this.clock.now)
  }

  cut(name: string, appServers: readonly number[]): void {
    for (const at of appServers) this.storeServer(name).cutFrom.add(at)
  }

  /** Everybody reaches everything again; the server comes back without its data where it was cut off from all. */
  heal(name: string, wipe: boolean): void {
    const { cutFrom, backend } = this.storeServer(name)
    if (wipe && cutFrom.size === APP_SERVERS) backend.records.clear()
    cutFrom.clear()
  }

  /** Of the session, at each store that holds it. */
  deadlines(): readonly number[] {
    const records = [...this.#servers.values()].flatMap(({ backend }) => [...backend.records])
    return records.filter(([key]) => key !== MEMBER_KEY).map(([, { expiresAt }]) => expiresAt)
  }

  async end(): Promise<void> {
    await Promise.all(this.#replicas.map((store) => store.close()))
  }

  storeServer(name: string): Server {
    const known = this.#servers.get(name)
    if (known) return known
    const fresh = new Server(name, this.clock.now)
    this.#servers.set(name, fresh)
    return fresh
  }

  #link(at: number, server: Server): SessionStore {
    const call = async <T>(what: string, carryOut: () => Promise<T>): Promise<T> => {
      if (this.#calm) return carryOut()
      await this.#turn(`${what} at ${server.name}`)
      if (!server.cutFrom.has(at)) {
        const answer = await carryOut()
        await this.#turn(`reply to ${what} of ${server.name}`)
        if (!server.cutFrom.has(at)) return answer
      } else if (this.#ghosts.next().value === true) {
        void this.#turn(`${what}, a ghost at ${server.name}`).then(carryOut)
      }
      await this.#turn(`failure of ${what} at ${server.name}`)
      throw new StoreUnavailableError(`${server.name}: cut off from app server ${at}.`)
    }
    const { store } = server
    return {
      name: server.name,
      guarded: true,
      read: (key) => call('read', () => store.read(key)),
      write: (key, record, condition) => call('write', () => store.write(key, record, condition)),
      touch: (key, record, expiresAt) => call('touch', () => store.touch(key, record, expiresAt)),
      close: async () => undefined,
    }
  }

  #turn(what: string): Promise<unknown> {
    return this.#schedule.schedule(Promise.resolve(), what)
  }
}
