import { nearCache, type SessionRecord, type SessionStore, StoreUnavailableError } from '@holdfast/core'
import type fc from 'fast-check'
import { Backend, MapStore } from '../conformance/map-store.js'
import type { Fate } from '../races/simulated-store.js'

export const MAX_STALE_MS = 100

/** What stood under the key, from one instant (monotonic) to the next state. */
interface State {
  readonly record: SessionRecord | undefined
  readonly from: number
}

/** The server, which remembers every state of its one key. */
class Server extends MapStore {
  readonly history: State[] = [{ record: undefined, from: 0 }]

  override keep(key: string, record: SessionRecord): void {
    this.history.push({ record, from: performance.now() })
    super.keep(key, record)
  }

  /** Its place in the history; every state is another one. */
  placeOf(record: SessionRecord): number {
    const place = this.history.findIndex((state) => state.record?.tag === record.tag && sameEnd(state.record, record))
    if (place < 0) throw new Error(`This never stood there: ${JSON.stringify(record)}`)
    return place
  }
}

const sameEnd = (a: SessionRecord, b: SessionRecord): boolean => a.expiresAt === b.expiresAt && a.data === b.data

/** One app server: its near cache, and what it must have seen by now. */
export class Node {
  readonly cache: SessionStore
  /** The place in the history that reads which begin now must not be behind. */
  floor = 0
  /** Reads that were sent to the server. */
  asked = 0

  constructor(network: Network, reports: boolean) {
    const { server, clock } = network
    const store: SessionStore = {
      name: 'simulated',
      guarded: true,
      read: (key) => {
        this.asked++
        return network.call('read', () => server.read(key))
      },
      write: (...call) => network.call('write', () => server.write(...call)),
      touch: (...call) => network.call('touch', () => server.touch(...call)),
      close: async () => {},
    }
    const onChange = (listener: (key: string | undefined) => void) => {
      network.listeners.add((key, place) => {
        this.seen(place)
        listener(key)
      })
      return () => {}
    }
    this.cache = nearCache(reports ? Object.assign(store, { onChange }) : store, { maxStaleMs: MAX_STALE_MS, clock })
  }

  seen(place: number): void {
    this.floor = Math.max(this.floor, place)
  }
}

type Listener = (key: string | undefined, place: number) => void

/** Requests, replies and reports each wait for their turn in the schedule; time goes by in turns of its own. */
export class Network {
  readonly clock = (): number => 1_000_000 + performance.now()
  readonly server = new Server(this.clock, new Backend())
  readonly listeners = new Set<Listener>()
  readonly #scheduler: fc.Scheduler
  readonly #fates: Iterator<Fate>

  constructor(scheduler: fc.Scheduler, fates: readonly Fate[]) {
    this.#scheduler = scheduler
    this.#fates = fates.values()
    this.server.onChange((key) => this.#report(key as string))
  }

  turn(what: string): Promise<unknown> {
    return this.#scheduler.schedule(Promise.resolve(), what)
  }

  async call<T>(what: string, carryOut: () => Promise<T>): Promise<T> {
    const fate = (this.#fates.next().value as Fate | undefined) ?? 'answered'
    if (fate === 'ghost') {
      void this.turn(`${what}, a ghost`).then(carryOut)
    } else if (fate !== 'lost request') {
      await this.turn(what)
      const answer = await carryOut()
      await this.turn(`reply to ${what}`)
      if (fate === 'answered') return answer
    }
    await this.turn(`failure of ${what}`)
    throw new StoreUnavailableError(`simulated: ${what} met the fate '${fate}'.`)
  }

  /** To every node; one in eight says "anything", as after a connection that was lost. */
  #report(key: string): void {
    const place = this.server.history.length - 1
    for (const listener of this.listeners)
      void this.turn('report').then(() => listener(place % 8 === 0 ? undefined : key, place))
  }
}
