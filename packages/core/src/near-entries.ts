import { LRUCache } from 'lru-cache'
import {
  type CallOptions,
  isExpired,
  isSameWrite,
  isTombstone,
  reportsChanges,
  type SessionRecord,
  type SessionStore,
  type WriteCondition,
  type WriteOutcome,
} from './store.js'

export interface NearEntriesOptions {
  readonly maxStaleMs: number
  readonly maxSessions: number
  readonly clock: () => number
}

/** A live record, as of when the call that told of it was sent (monotonic). */
interface Entry {
  readonly record: SessionRecord
  readonly sentAt: number
}

/** The calls under way for one key. What began before `keepFrom` may tell what is over: it is not kept. */
interface Flight {
  calls: number
  keepFrom: number
}

/** A call to the store; `number` is its place among all calls, in the order in which they began. */
interface Call {
  readonly key: string
  readonly flight: Flight
  readonly number: number
  readonly sentAt: number
}

/**
 * The records that a near cache knows. An entry never is older than `maxStaleMs`, and never older than what this process
 * has written, been told of, or been answered by a call that began later.
 */
export class NearEntries implements Pick<SessionStore, 'read' | 'write' | 'touch' | 'close'> {
  readonly #store: SessionStore
  readonly #maxStaleMs: number
  readonly #clock: () => number
  readonly #entries: LRUCache<string, Entry>
  readonly #flights = new Map<string, Flight>()
  #stop: (() => void) | undefined
  #begun = 0

  constructor(store: SessionStore, { maxStaleMs, maxSessions, clock }: NearEntriesOptions) {
    this.#store = store
    this.#maxStaleMs = maxStaleMs
    this.#clock = clock
    this.#entries = new LRUCache({ max: maxSessions })
    if (reportsChanges(store)) this.#stop = store.onChange((key) => this.#forget(key))
  }

  read(key: string, options?: CallOptions): Promise<SessionRecord | undefined> {
    const entry = options?.fresh || options?.signal?.aborted ? undefined : this.#entries.get(key)
    if (entry && performance.now() - entry.sentAt <= this.#maxStaleMs && !isExpired(entry.record, this.#clock()))
      return Promise.resolve(entry.record)
    return this.#fetch(key, options)
  }

  async write(
    key: string,
    record: SessionRecord,
    condition: WriteCondition,
    options?: CallOptions,
  ): Promise<WriteOutcome> {
    const call = this.#begin(key)
    let now: SessionRecord | undefined
    try {
      const outcome = await this.#store.write(key, record, condition, options)
      now = outcome.written ? withoutToken(record, record.expiresAt) : outcome.current
      return outcome
    } finally {
      this.#changed(call, now)
    }
  }

  async touch(key: string, record: SessionRecord, expiresAt: number, options?: CallOptions): Promise<WriteOutcome> {
    const call = this.#begin(key)
    let now: SessionRecord | undefined
    try {
      const outcome = await this.#store.touch(key, record, expiresAt, options)
      now = outcome.written ? this.#withDeadline(key, record, expiresAt) : outcome.current
      return outcome
    } finally {
      this.#changed(call, now)
    }
  }

  release(): void {
    this.#stop?.()
    this.#stop = undefined
    this.#forget(undefined)
  }

  close(): Promise<void> {
    this.release()
    return this.#store.close()
  }

  async #fetch(key: string, options?: CallOptions): Promise<SessionRecord | undefined> {
    const call = this.#begin(key)
    let record: SessionRecord | undefined
    try {
      record = await this.#store.read(key, options)
    } finally {
      this.#end(call)
    }
    if (call.number < call.flight.keepFrom) return record
    call.flight.keepFrom = call.number
    this.#keep(call, record)
    return record
  }

  #begin(key: string): Call {
    const flight = this.#flights.get(key) ?? { calls: 0, keepFrom: 0 }
    this.#flights.set(key, flight)
    flight.calls++
    return { key, flight, number: ++this.#begun, sentAt: performance.now() }
  }

  #end({ key, flight }: Call): void {
    if (--flight.calls === 0) this.#flights.delete(key)
  }

  /** What stands there after a write or touch of this process; `undefined` where that is unknown. */
  #changed(call: Call, now: SessionRecord | undefined): void {
    const isLatest = call.number >= call.flight.keepFrom
    this.#outdate(call.flight)
    this.#end(call)
    this.#keep(call, isLatest ? now : undefined)
  }

  #keep({ key, sentAt }: Call, record: SessionRecord | undefined): void {
    if (!record || isTombstone(record)) this.#entries.delete(key)
    else this.#entries.set(key, { record, sentAt })
  }

  /** `undefined`: every key. */
  #forget(key: string | undefined): void {
    if (key === undefined) {
      this.#entries.clear()
      for (const flight of this.#flights.values()) this.#outdate(flight)
    } else {
      this.#entries.delete(key)
      const flight = this.#flights.get(key)
      if (flight) this.#outdate(flight)
    }
  }

  /** Of the calls that are under way none is kept. */
  #outdate(flight: Flight): void {
    flight.keepFrom = this.#begun + 1
  }

  /** A touch tells which write stands there, not its data: the caller's may be anything. */
  #withDeadline(key: string, touched: SessionRecord, expiresAt: number): SessionRecord | undefined {
    const record = this.#entries.peek(key)?.record
    return record && isSameWrite(record, touched) ? withoutToken(record, expiresAt) : undefined
  }
}

/** A token says what was read; after a write it says nothing. */
const withoutToken = ({ data, revision, tag }: SessionRecord, expiresAt: number): SessionRecord => ({
  data,
  revision,
  tag,
  expiresAt,
})
