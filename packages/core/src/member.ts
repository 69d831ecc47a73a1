import { newTag } from './codec.js'
import { publishStore } from './events.js'
import type { CallOptions, SessionRecord, SessionStore } from './store.js'

/** The key of what a member knows about itself; core's own keys are hashes, so none is ever this. */
export const MEMBER_KEY = 'holdfast-member'
const TEN_YEARS_MS = 315_360_000_000
/** About 3 MB; what is owed beyond that, oldest first, is brought by whoever reads it, as all other records are. */
const MAX_OWED = 10_000

export interface MemberState {
  readonly name: string
  /** `filling`: it lost its data and does not have all sessions yet. `down`: it did not answer when it was last asked. */
  readonly state: 'trusted' | 'filling' | 'down' | 'unknown'
  /** Ms since the epoch. */
  readonly since: number
}

/** One of the stores that `Replicas` makes into one. */
export interface Replica {
  readonly name: string
  readonly store: SessionStore
  readonly status: MemberState
  /** Whether its "nothing there" may be a loss. Rejects with `StoreUnavailableError` when it is away. */
  isFilling(options: CallOptions): Promise<boolean>
  /** Asked now and then: looks after what it knows about itself. Never rejects. */
  check(): Promise<void>
  /** It missed a tombstone that others took. */
  owe(key: string, tombstone: SessionRecord): void
  /** It has just answered a read. */
  answered(): void
}

/**
 * One store among several. What it knows about itself lies in the store, as a record with the time when it was first
 * missing: a store that lost its data lost that too, and every process finds it out.
 */
export class Member implements Replica {
  readonly name: string
  readonly store: SessionStore
  readonly #clock: () => number
  readonly #fillingMs: number
  readonly #owed = new Map<string, SessionRecord>()
  #isPaying = false
  #status: Omit<MemberState, 'name'>

  constructor(name: string, store: SessionStore, clock: () => number, fillingMs: number) {
    this.name = name
    this.store = store
    this.#clock = clock
    this.#fillingMs = fillingMs
    this.#status = { state: 'unknown', since: clock() }
  }

  get status(): MemberState {
    return { name: this.name, ...this.#status }
  }

  /** Asks the store. */
  async isFilling(options: CallOptions): Promise<boolean> {
    const bornAt = await this.#bornAt(options)
    const isFilling = this.#clock() < bornAt + this.#fillingMs
    if (isFilling) this.#become('filling', bornAt)
    else this.#become('trusted')
    return isFilling
  }

  /** The same, for `status` and so that the record is there; a failure is a state. */
  async check(): Promise<void> {
    try {
      await this.isFilling({})
      this.answered()
    } catch {
      this.#become('down')
    }
  }

  /**
   * It missed a tombstone. Nobody asks for a session that is over, so no reader brings it either; without this the session
   * would be back when the only store with the tombstone loses it. Kept in this process, until the member answers.
   */
  owe(key: string, tombstone: SessionRecord): void {
    this.#owed.set(key, tombstone)
    const [oldest] = this.#owed.keys()
    if (this.#owed.size > MAX_OWED) this.#owed.delete(oldest as string)
  }

  /** It is there: what it is owed is brought to it. */
  answered(): void {
    if (this.#owed.size > 0 && !this.#isPaying) void this.#pay()
  }

  async #pay(): Promise<void> {
    this.#isPaying = true
    try {
      for (const [key, tombstone] of this.#owed) {
        await this.store.write(key, tombstone, 'newer')
        this.#owed.delete(key)
      }
    } catch {
      // Away again: the rest stays owed.
    } finally {
      this.#isPaying = false
    }
  }

  async #bornAt(options: CallOptions): Promise<number> {
    const now = this.#clock()
    const found = await this.store.read(MEMBER_KEY, options)
    if (found) return timeOf(found)
    const record = { data: String(now), revision: 1, tag: newTag(), expiresAt: now + TEN_YEARS_MS }
    const outcome = await this.store.write(MEMBER_KEY, record, 'absent', options)
    if (outcome.written || !outcome.current) return now
    return timeOf(outcome.current)
  }

  #become(state: MemberState['state'], since = this.#clock()): void {
    if (state === this.#status.state) return
    this.#status = { state, since }
    publishStore({ type: 'member', store: this.name, state })
  }
}

const timeOf = ({ data }: SessionRecord): number => Number(data) || 0
