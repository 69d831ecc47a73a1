import { type SessionRecord, type SessionStore, StoreUnavailableError } from '@holdfast/core'
import fc from 'fast-check'
import { Backend, MapStore } from '../conformance/map-store.js'

/** What happens to one call. A ghost is a call that the server carries out after its caller was told that it failed. */
export type Fate = 'answered' | 'lost request' | 'lost reply' | 'ghost'

export const UNKNOWN_OUTCOMES: readonly Fate[] = ['lost request', 'lost reply', 'ghost']

/** Of the first forty calls, one in six has a fault; the others have none, so that each run comes to its end. */
export const fatesWith = (faults: readonly Fate[]): fc.Arbitrary<readonly Fate[]> => {
  const weighted = faults.flatMap((fault) => [fault, ...Array<Fate>(5).fill('answered')])
  return weighted.length === 0 ? fc.constant([]) : fc.array(fc.constantFrom(...weighted), { maxLength: 40 })
}

/** Session keys are the 43 characters of a hash, those of indexes are longer. */
const isIndex = (key: string): boolean => key.length > 43

export interface AppliedWrite {
  readonly key: string
  readonly record: SessionRecord
  readonly condition: 'absent' | 'newer' | 'replaces'
}

/** A server behind a network: each request and each reply waits for its turn in the schedule. */
export class SimulatedStore implements Pick<SessionStore, 'read' | 'write' | 'touch'> {
  /** The writes that took effect, in their order, ghosts included. */
  readonly applied: AppliedWrite[] = []
  readonly #backend = new Backend()
  readonly #server: MapStore
  readonly #scheduler: fc.Scheduler
  readonly #fates: Iterator<Fate>
  #calm = true

  constructor(scheduler: fc.Scheduler, clock: () => number, fates: readonly Fate[]) {
    this.#server = new MapStore(clock, this.#backend)
    this.#scheduler = scheduler
    this.#fates = fates.values()
  }

  /** Until `work` is over, calls wait for their turn and meet their fates; before and after it all are answered at once. */
  async disturbed(work: () => Promise<void>): Promise<void> {
    this.#calm = false
    await work()
    this.#calm = true
  }

  /** Drops the records that list the sessions of users, as a bounded store may, when their turn comes. */
  async evictIndexes(): Promise<void> {
    await this.#turn('eviction')
    for (const key of this.#backend.records.keys()) if (isIndex(key)) this.#backend.records.delete(key)
  }

  /** Puts an older record of a key back when its turn comes: a server that lost what it had acknowledged. */
  async loseWrites(key: string, older: SessionRecord): Promise<void> {
    await this.#turn('lost writes')
    this.#backend.records.set(key, older)
    this.applied.length = 0
  }

  /** The keys of sessions that are not over. */
  live(): readonly string[] {
    const keys = [...this.#backend.records.keys()].filter((key) => !isIndex(key))
    return keys.filter((key) => typeof this.#server.live(key)?.data === 'string')
  }

  read: SessionStore['read'] = (key) => this.#call('read', () => this.#server.read(key))

  write: SessionStore['write'] = (key, record, condition) =>
    this.#call('write', async () => {
      const outcome = await this.#server.write(key, record, condition)
      const kind = typeof condition === 'string' ? condition : 'replaces'
      if (outcome.written) this.applied.push({ key, record, condition: kind })
      return outcome
    })

  touch: SessionStore['touch'] = (key, record, expiresAt) =>
    this.#call('touch', () => this.#server.touch(key, record, expiresAt))

  async #call<T>(what: string, carryOut: () => Promise<T>): Promise<T> {
    if (this.#calm) return carryOut()
    const fate = (this.#fates.next().value as Fate | undefined) ?? 'answered'
    if (fate === 'ghost') {
      void this.#turn(`${what}, a ghost`).then(carryOut)
    } else if (fate !== 'lost request') {
      await this.#turn(what)
      const answer = await carryOut()
      await this.#turn(`reply to ${what}`)
      if (fate === 'answered') return answer
    }
    await this.#turn(`failure of ${what}`)
    throw new StoreUnavailableError(`simulated: ${what} met the fate '${fate}'.`)
  }

  #turn(what: string): Promise<unknown> {
    return this.#scheduler.schedule(Promise.resolve(), what)
  }
}
