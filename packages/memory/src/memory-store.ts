import {
  ConfigError,
  isSameWrite,
  isTombstone,
  mayWrite,
  publishStore,
  StoreUnavailableError,
  type CallOptions,
  type ListsKeys,
  type SessionRecord,
  type SessionStore,
  type WriteCondition,
  type WriteOutcome,
} from '@holdfast/core'
import { RecordCache, type Bounds } from './record-cache.js'

export interface MemoryStoreOptions {
  /** Sessions kept at once, tombstones not counted; default 1,000,000. Bytes are the bound that a real site meets first. */
  readonly maxSessions?: number | undefined
  /** Memory for records and tombstones together; default 256 MiB, which leaves room in a heap of 512 MiB. */
  readonly maxBytes?: number | undefined
  /** Ms since the epoch; default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

const SWEEP_EVERY_MS = 1_000
/** So many take about a millisecond, and a million sessions are looked at within nine minutes. */
const SWEEP_ENTRIES = 2_000

/**
 * Keeps sessions in this process: for one process, for sticky balancing and for tests. Over its bounds the least recently
 * used sessions go, tombstones last, each with an event on `holdfast:store`. Expired records give their memory back
 * within minutes in an idle process too; a single unref'd timer runs while the store holds anything.
 */
export function memoryStore(options: MemoryStoreOptions = {}): SessionStore & ListsKeys {
  const { maxSessions = 1_000_000, maxBytes = 256 * 1024 * 1024, clock = Date.now } = options
  assertPositiveInteger('maxSessions', maxSessions)
  assertPositiveInteger('maxBytes', maxBytes)
  return new MemoryStore({ maxSessions, maxBytes }, clock)
}

function assertPositiveInteger(option: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return
  throw new ConfigError(`memoryStore: ${option} is ${String(value)}. Use a whole number above 0.`)
}

class MemoryStore implements SessionStore, ListsKeys {
  readonly name = 'memory'
  readonly guarded = true
  readonly #clock: () => number
  readonly #bounds: Bounds
  #cache: RecordCache
  #sweeper: NodeJS.Timeout | undefined
  #closed = false

  constructor(bounds: Bounds, clock: () => number) {
    this.#clock = clock
    this.#bounds = bounds
    this.#cache = this.#createCache()
  }

  async read(key: string, options?: CallOptions): Promise<SessionRecord | undefined> {
    this.#assertUsable(options)
    return this.#cache.get(key, this.#clock())
  }

  async write(
    key: string,
    record: SessionRecord,
    condition: WriteCondition,
    options?: CallOptions,
  ): Promise<WriteOutcome> {
    this.#assertUsable(options)
    const current = this.#cache.get(key, this.#clock())
    if (!mayWrite(record, condition, current)) return { written: false, current }
    return this.#put(key, record, record.expiresAt)
  }

  async touch(key: string, record: SessionRecord, expiresAt: number, options?: CallOptions): Promise<WriteOutcome> {
    this.#assertUsable(options)
    const current = this.#cache.get(key, this.#clock())
    const isIt = current !== undefined && !isTombstone(current) && isSameWrite(current, record)
    if (!isIt || current.expiresAt >= expiresAt) return { written: false, current }
    return this.#put(key, current, expiresAt)
  }

  async *keys(options?: CallOptions): AsyncIterable<string> {
    this.#assertUsable(options)
    for (const key of this.#cache.keys()) {
      this.#assertUsable(options)
      yield key
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#releaseMemory()
  }

  /** Keeps an object of its own: what was handed out before never changes, and nobody's token is held. */
  #put(key: string, { data, revision, tag }: SessionRecord, expiresAt: number): WriteOutcome {
    this.#cache.set(key, { data, revision, tag, expiresAt })
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref()
    return { written: true }
  }

  #sweep(): void {
    this.#cache.sweep(this.#clock(), SWEEP_ENTRIES)
    if (this.#cache.size === 0) this.#releaseMemory()
  }

  /** A cache that was emptied would keep its arrays at their largest: 50 bytes for each session there ever was at once. */
  #releaseMemory(): void {
    clearInterval(this.#sweeper)
    this.#sweeper = undefined
    this.#cache = this.#createCache()
  }

  #createCache(): RecordCache {
    return new RecordCache(this.#bounds, ({ tombstone }) => {
      publishStore({ type: 'evicted', store: this.name, tombstone })
    })
  }

  #assertUsable(options: CallOptions | undefined): void {
    if (this.#closed) throw new StoreUnavailableError('memory: the store is closed.', { refused: true })
    if (options?.signal?.aborted) {
      throw new StoreUnavailableError('memory: the call was aborted.', { cause: options.signal.reason, refused: true })
    }
  }
}
