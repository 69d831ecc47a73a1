import { LRUCache } from 'lru-cache'
import { isExpired, isTombstone, SessionTooLargeError, type SessionRecord } from '@holdfast/core'
import { ExpirySweep } from './expiry-sweep.js'
import { recordBytes } from './record-bytes.js'

export interface Bounds {
  readonly maxSessions: number
  readonly maxBytes: number
}

/** lru-cache wants a bound; the real ones span both caches and are kept by `RecordCache`. */
const createCache = () =>
  new LRUCache<string, SessionRecord>({ maxSize: Number.MAX_SAFE_INTEGER, sizeCalculation: recordBytes })

/**
 * Records and tombstones by key, least recently used first, within `bounds`. Over them, records go first and tombstones
 * only when no other record is left, each with a call of `onEvicted`; what was just written stays. Tombstones are no
 * sessions: they count as bytes only.
 */
export class RecordCache {
  readonly #bounds: Bounds
  readonly #onEvicted: (evicted: { tombstone: boolean }) => void
  readonly #records = createCache()
  readonly #tombstones = createCache()
  readonly #sweeps = [new ExpirySweep(this.#records), new ExpirySweep(this.#tombstones)]

  constructor(bounds: Bounds, onEvicted: (evicted: { tombstone: boolean }) => void) {
    this.#bounds = bounds
    this.#onEvicted = onEvicted
  }

  get size(): number {
    return this.#records.size + this.#tombstones.size
  }

  get bytes(): number {
    return this.#records.calculatedSize + this.#tombstones.calculatedSize
  }

  /** The record or tombstone that is not over yet. */
  get(key: string, now: number): SessionRecord | undefined {
    const record = this.#records.get(key) ?? this.#tombstones.get(key)
    if (!record || !isExpired(record, now)) return record
    this.#remove(key)
    return undefined
  }

  /** Throws `SessionTooLargeError`, and leaves everything as it is, for what does not fit even alone. */
  set(key: string, record: SessionRecord): void {
    const bytes = recordBytes(record)
    if (bytes > this.#bounds.maxBytes) throw new SessionTooLargeError(bytes, this.#bounds.maxBytes)
    const [cache, other] = isTombstone(record) ? [this.#tombstones, this.#records] : [this.#records, this.#tombstones]
    other.delete(key)
    cache.set(key, record)
    while (this.#isOver()) this.#evict(cache)
  }

  keys(): string[] {
    return [...this.#records.keys(), ...this.#tombstones.keys()]
  }

  /** Looks at up to `limit` records and as many tombstones, and removes those that are over. */
  sweep(now: number, limit: number): void {
    for (const sweep of this.#sweeps) sweep.run(now, limit)
  }

  #remove(key: string): void {
    this.#records.delete(key)
    this.#tombstones.delete(key)
  }

  #isOver(): boolean {
    return this.#records.size > this.#bounds.maxSessions || this.bytes > this.#bounds.maxBytes
  }

  #evict(written: LRUCache<string, SessionRecord>): void {
    const spared = written === this.#records ? 1 : 0
    const tombstone = this.#records.size <= spared
    const cache = tombstone ? this.#tombstones : this.#records
    cache.pop()
    this.#onEvicted({ tombstone })
  }
}
