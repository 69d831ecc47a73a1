/** What a store keeps for one key. Core makes records; a store never looks into `data`. */
export interface SessionRecord {
  /** Text made by core. `null` is a tombstone: the session was destroyed. */
  readonly data: string | null
  /** 1 for a new session, one more with each accepted write; `Number.MAX_SAFE_INTEGER` for a tombstone. */
  readonly revision: number
  /** 8 random characters, new for each write: two records are the same write when revision *and* tag are equal. */
  readonly tag: string
  /** The end of this record in ms since the epoch, by the app's clock. */
  readonly expiresAt: number
  /** The store's own note of what it read (a cas id, the stored string). Wrappers pass it on, nobody looks inside. */
  readonly token?: unknown
}

export type WriteCondition =
  /** Nothing is there, or only an expired record. A tombstone is not absent. */
  | 'absent'
  /** What is there still has this revision and tag. Never creates. */
  | { readonly replaces: SessionRecord }
  /** What is there comes earlier in the order tombstone, revision, tag, expiresAt (see `isNewer`), or nothing is there. */
  | 'newer'

/** `current` is what stands there instead: a live record, a tombstone, or `undefined` for absent or expired. */
export type WriteOutcome =
  { readonly written: true } | { readonly written: false; readonly current: SessionRecord | undefined }

export interface CallOptions {
  /** Gives up when it aborts; the call then rejects with `StoreUnavailableError`. */
  readonly signal?: AbortSignal | undefined
  /** Gives up after so many ms, where that is less than the store's own deadline (250 ms). */
  readonly timeoutMs?: number | undefined
  /** A read past every cache on the way, `nearCache` for one. */
  readonly fresh?: boolean | undefined
}

/**
 * Where sessions live. Every call is atomic for its key, and rejects with `StoreUnavailableError` when the store cannot
 * answer: failure is never absence. A call that rejected may still take effect later; core settles that by the tag.
 *
 * There is no removal: to destroy is to write a tombstone under `'newer'`. It beats every record and nothing writes over
 * it. A record past its `expiresAt` is never handed out and counts as absent for every condition, tombstones included.
 * Keys match `[A-Za-z0-9_-]{1,64}`. A record that is too large for the store rejects with `SessionTooLargeError`, and what
 * is stored stays as it was.
 */
export interface SessionStore {
  /** Short and stable, `'redis'`; it appears in errors, events and reports. */
  readonly name: string
  /** Resolves to the record or the tombstone; `undefined` means absent or expired. */
  read(key: string, options?: CallOptions): Promise<SessionRecord | undefined>
  write(key: string, record: SessionRecord, condition: WriteCondition, options?: CallOptions): Promise<WriteOutcome>
  /**
   * Moves the deadline of this very write (revision and tag) to `expiresAt`, only forward; never its data or revision.
   * Otherwise not written: nothing is there, another write or a tombstone is there, or its deadline is as late already.
   */
  touch(key: string, record: SessionRecord, expiresAt: number, options?: CallOptions): Promise<WriteOutcome>
  /** Releases what the store opened, not a client that it was given. May be called twice; calls after it reject. */
  close(): Promise<void>
  /**
   * Resolves when sessions may be kept here; rejects with a sentence that says what is wrong, a clock that is off for one.
   * The engine's `ready()` asks it again and again for 10 s; of a store without it, it reads a key.
   */
  ready?(options?: CallOptions): Promise<void>
  /**
   * Whether this process should get requests now, for a store that keeps sessions in the app servers themselves. Answers
   * at once and never throws. A store without it has no say: a server that all processes share being away is no reason to stop them.
   */
  health?(): Health
  /**
   * This process leaves: the store hands over what only it has. Resolves when that is done; calls are answered as before
   * until `close()`. The engine's `drain()` calls it once.
   */
  drain?(options?: CallOptions): Promise<void>
  /** What the store knows about itself, for people and dashboards; each store has its own form of it, fit for JSON. */
  status?(): unknown
  /** True where the store bounds its calls itself (deadline, breaker, cap per server); the engine then adds no `guard`. */
  readonly guarded?: boolean
}

/** `reason` is a sentence for operators. */
export type Health = { readonly ok: true } | { readonly ok: false; readonly reason: string }

/**
 * A store that can list its keys: for migration and administration. Lists every key that holds a record or a tombstone
 * from the beginning of the listing to its end, at least once; expired ones may be among them.
 */
export interface ListsKeys {
  keys(options?: CallOptions): AsyncIterable<string>
}

/** A store that reports changes made by other processes: for near caches. */
export interface ReportsChanges {
  /** Calls `listener` with the key, or `undefined` for "anything may have changed". Returns a function that stops it. */
  onChange(listener: (key: string | undefined) => void): () => void
}

/**
 * A store that lies in the app servers themselves and knows which of them are nearest to a session. They go into the route
 * cookie of `affinity`, so that the balancer finds them.
 */
export interface RanksNodes {
  /**
   * The names of the nodes for this key, the primary first, its backup second; more are allowed. Answers at once, never
   * throws, and says the same on every node while nothing changes. Each is the name by which the balancer knows that node and which the
   * node itself has as `affinity.node`: `[A-Za-z0-9_-]{1,32}`. Empty: it cannot tell now.
   */
  nodesOf(key: string): readonly string[]
}

export const listsKeys = (store: SessionStore): store is SessionStore & ListsKeys => 'keys' in store
export const reportsChanges = (store: SessionStore): store is SessionStore & ReportsChanges => 'onChange' in store
export const ranksNodes = (store: SessionStore): store is SessionStore & RanksNodes => 'nodesOf' in store

export const KEY_PATTERN = /^[A-Za-z0-9_-]{1,64}$/
export const TOMBSTONE_REVISION = Number.MAX_SAFE_INTEGER

/** A record ends at its `expiresAt`: in that very ms it is over. */
export const isExpired = (record: SessionRecord, now: number): boolean => record.expiresAt <= now

export const isTombstone = (record: SessionRecord | undefined): boolean => record?.data === null

/** True when both are the same write. */
export const isSameWrite = (a: SessionRecord, b: SessionRecord): boolean => a.revision === b.revision && a.tag === b.tag

/** The order of the `'newer'` condition: a tombstone beats a record, then revision, tag and deadline decide. */
export function isNewer(candidate: SessionRecord, current: SessionRecord): boolean {
  if (isTombstone(candidate) !== isTombstone(current)) return isTombstone(candidate)
  if (candidate.revision !== current.revision) return candidate.revision > current.revision
  if (candidate.tag !== current.tag) return candidate.tag > current.tag
  return candidate.expiresAt > current.expiresAt
}

/** Whether `record` may be written over `current`, the live record of its key (`undefined`: absent or expired). */
export function mayWrite(
  record: SessionRecord,
  condition: WriteCondition,
  current: SessionRecord | undefined,
): boolean {
  if (condition === 'absent') return current === undefined
  if (condition === 'newer') return current === undefined || isNewer(record, current)
  return current !== undefined && isSameWrite(condition.replaces, current) && !isTombstone(current)
}
