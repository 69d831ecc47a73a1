import {
  isExpired,
  isSameWrite,
  isTombstone,
  mayWrite,
  SessionTooLargeError,
  StoreUnavailableError,
  type CallOptions,
  type ListsKeys,
  type ReportsChanges,
  type SessionRecord,
  type SessionStore,
  type WriteCondition,
  type WriteOutcome,
} from '@holdfast/core'

/** What plays the server: several stores may have the same one, and it may stop answering. */
export class Backend {
  readonly records = new Map<string, SessionRecord>()
  readonly listeners = new Set<(key: string) => void>()
  hangs = false
}

const DEADLINE_MS = 250
export const MAX_RECORD_BYTES = 262_144

/** The contract over a `Map`, as an author of a store would write it first. Its steps are there to be broken. */
export class MapStore implements SessionStore, ListsKeys, ReportsChanges {
  readonly name = 'map'
  readonly backend: Backend
  readonly now: () => number
  closed = false

  constructor(now: () => number, backend = new Backend()) {
    this.now = now
    this.backend = backend
  }

  async read(key: string, options?: CallOptions): Promise<SessionRecord | undefined> {
    await this.admit(options)
    return this.live(key)
  }

  async write(
    key: string,
    record: SessionRecord,
    condition: WriteCondition,
    options?: CallOptions,
  ): Promise<WriteOutcome> {
    await this.admit(options)
    this.assertFits(record)
    const current = this.live(key)
    if (!this.allows(record, condition, current)) return { written: false, current }
    this.keep(key, record)
    return { written: true }
  }

  async touch(key: string, record: SessionRecord, expiresAt: number, options?: CallOptions): Promise<WriteOutcome> {
    await this.admit(options)
    const current = this.live(key)
    if (!current || !this.allowsTouch(current, record, expiresAt)) return { written: false, current }
    this.keep(key, { ...current, expiresAt })
    return { written: true }
  }

  async *keys(options?: CallOptions): AsyncIterable<string> {
    await this.admit(options)
    yield* [...this.backend.records.keys()]
  }

  onChange(listener: (key: string | undefined) => void): () => void {
    this.backend.listeners.add(listener)
    return () => this.backend.listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.closed = true
  }

  live(key: string): SessionRecord | undefined {
    const record = this.backend.records.get(key)
    return record && !isExpired(record, this.now()) ? record : undefined
  }

  allows(record: SessionRecord, condition: WriteCondition, current: SessionRecord | undefined): boolean {
    return mayWrite(record, condition, current)
  }

  allowsTouch(current: SessionRecord, record: SessionRecord, expiresAt: number): boolean {
    return !isTombstone(current) && isSameWrite(current, record) && expiresAt > current.expiresAt
  }

  keep(key: string, { data, revision, tag, expiresAt }: SessionRecord): void {
    this.backend.records.set(key, { data, revision, tag, expiresAt })
    for (const listener of this.backend.listeners) listener(key)
  }

  assertFits({ data }: SessionRecord): void {
    const bytes = Buffer.byteLength(data ?? '')
    if (bytes > MAX_RECORD_BYTES) throw new SessionTooLargeError(bytes, MAX_RECORD_BYTES)
  }

  /** Resolves when the server takes the call; rejects after close, when the signal aborts and at the deadline. */
  async admit({ signal, timeoutMs = DEADLINE_MS }: CallOptions = {}): Promise<void> {
    if (this.closed) throw new StoreUnavailableError('map: the store is closed.')
    if (signal?.aborted) throw new StoreUnavailableError('map: the call was aborted.')
    if (!this.backend.hangs) return
    await new Promise<never>((_, reject) => {
      const giveUp = () => reject(new StoreUnavailableError('map: no answer.'))
      setTimeout(giveUp, Math.min(timeoutMs, DEADLINE_MS))
      signal?.addEventListener('abort', giveUp, { once: true })
    })
  }
}
