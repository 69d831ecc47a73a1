import { channel } from 'node:diagnostics_channel'

/** What happens to sessions, on the channel `holdfast:session`. Never with an id, a key, a user or data in it. */
export type SessionEvent =
  /** A new session was stored. */
  | { readonly type: 'created' }
  /** A session was destroyed: by `destroy()`, `= null`, `destroyByUser` or the limit of sessions per user. */
  | { readonly type: 'destroyed' }
  /** A session got a new id: `rotate()` or `regenerate()`. */
  | { readonly type: 'rotated' }
  /** A session of the store that a bridge adopts was taken over. */
  | { readonly type: 'adopted' }
  /** A new session was to be stored by a bridge under an id whose session has ended; it was refused. */
  | { readonly type: 'id-reused' }
  /** A well-signed cookie named a session that the store does not have: it expired or was evicted. */
  | { readonly type: 'missing' }
  /** A stored record cannot be decoded; the request got a new session and the record stays as it is. */
  | { readonly type: 'undecodable'; readonly reason: string }
  /** A stored record was written by a later version of Holdfast; it counts as unavailable. */
  | { readonly type: 'newer-version'; readonly version: number }
  /** A cookie of our name is malformed, forged or under a key that is not in `secret`. No store call was made. */
  | { readonly type: 'invalid-cookie' }
  /** A request brought several well-signed cookies with different values; all were refused. */
  | { readonly type: 'duplicate-cookie' }
  /** A session was changed after the head of its response was sent, and nobody saved it: the change is lost. */
  | { readonly type: 'late-change' }
  /** The object of a session that was destroyed or rotated was changed: the change is lost. */
  | { readonly type: 'dead-session-changed' }
  /** Commits that were to be one write met a write of others and are merged with it; `rounds` is how often by now. */
  | { readonly type: 'conflict'; readonly rounds: number; readonly commits: number }
  /** A deadline could not be moved; the session may end up to a tenth of its idle time earlier. */
  | { readonly type: 'touch-failed'; readonly code: string }
  /** A commit failed; `code` is that of the error, such as `'STORE_UNAVAILABLE'`. */
  | { readonly type: 'commit-failed'; readonly code: string }
  /** Opening the store failed; it goes on being tried. `code` is that of the error. */
  | { readonly type: 'opening-failed'; readonly code: string }
  /** The store answered with an older record than it had given before; what it lost was joined with what it has. */
  | { readonly type: 'lost-writes' }
  /** The list of a user's sessions was put right: `added` entries were missing, `removed` ones were over. */
  | { readonly type: 'index-repaired'; readonly added: number; readonly removed: number }
  /** A user was at `maxPerUser`: an old session was ended, or the new one refused. */
  | { readonly type: 'user-limit'; readonly action: 'evicted-oldest' | 'rejected' }

export type StoreOperation = 'read' | 'write' | 'touch'

/** What happens in stores, on the channel `holdfast:store`. `store` is the name of the store. Never with a key or data. */
export type StoreEvent =
  /**
   * A bounded store dropped a live record, or a tombstone, to make room; or the server of a store dropped `count` items
   * since it was last asked, those of other apps among them.
   */
  | ({ readonly type: 'evicted'; readonly store: string } & (
      { readonly tombstone: boolean } | { readonly count: number }
    ))
  /** Calls failed several times in a row: from now on they are refused at once, but for one probe at a time. */
  | { readonly type: 'breaker-opened'; readonly store: string }
  /** A probe was answered: calls go through again. */
  | { readonly type: 'breaker-closed'; readonly store: string }
  /** A call was given up at its deadline; the outcome of a write is unknown. */
  | { readonly type: 'timeout'; readonly store: string; readonly operation: StoreOperation }
  /** The answer to a call that had been given up came after all; it was ignored. */
  | { readonly type: 'late-reply'; readonly store: string; readonly operation: StoreOperation }
  /** Fewer stores than `copies` took a write, or too few answered a read that was served: one more failure may lose it. */
  | { readonly type: 'degraded'; readonly store: string; readonly operation: StoreOperation }
  /** A store among several lacked what others had; it was written back. */
  | { readonly type: 'repaired'; readonly store: string }
  /** A peer lacked so many records that this node has; they were brought to it. */
  | { readonly type: 'swept'; readonly store: string; readonly records: number }
  /**
   * What is thought of a store among several has changed: `'filling'` is one that lost its data, `'down'` does not answer,
   * `'leaving'` is a peer that drains.
   */
  | { readonly type: 'member'; readonly store: string; readonly state: string }
  /** This process works in another phase of a migration; `store` is the one that it leads to. */
  | { readonly type: 'migration-phase'; readonly store: string; readonly phase: string }
  /** A migration in `shadow`: `to` does not have a session that was read from `from`, or not as it is. */
  | { readonly type: 'shadow-differs'; readonly store: string; readonly how: 'missing' | 'other' }
  /** A migration in `shadow`: `to` did not take a copy, or could not be compared. */
  | { readonly type: 'shadow-failed'; readonly store: string; readonly operation: StoreOperation }
  /** A migration has gone through all `records` of this store, and brought to the other what that lacked. */
  | { readonly type: 'migration-swept'; readonly store: string; readonly records: number; readonly brought: number }
  /**
   * A record is sealed, and no key of `encryptionKeys` opens it: none of them is the one (`'unknown-key'`), or the record
   * was damaged or is that of another session (`'altered'`). It stays as it is.
   */
  | { readonly type: 'not-opened'; readonly store: string; readonly reason: 'unknown-key' | 'altered' }

export type CallOutcome =
  /** A read found a session, nothing, or the mark of one that was destroyed. */
  | 'hit'
  | 'miss'
  | 'tombstone'
  /** A write or touch was taken, or something else stood there and it was not. */
  | 'written'
  | 'conflict'
  /** The store could not answer in time or at all; `'refused'`: the call was never sent. */
  | 'unavailable'
  | 'refused'
  /** Any other error, such as a session that is too large for the store. */
  | 'failed'

/** One call to a store, on the channel `holdfast:call` when it has ended. Never with a key or data. */
export interface CallEvent {
  readonly store: string
  readonly operation: StoreOperation
  readonly durationMs: number
  readonly outcome: CallOutcome
}

const sessionChannel = channel('holdfast:session')
const storeChannel = channel('holdfast:store')
const callChannel = channel('holdfast:call')

/** Costs nothing without a subscriber: V8 inlines the check and never makes the object. */
export function publishSession(event: SessionEvent): void {
  if (sessionChannel.hasSubscribers) sessionChannel.publish(event)
}

export function publishStore(event: StoreEvent): void {
  if (storeChannel.hasSubscribers) storeChannel.publish(event)
}

/** Whether calls need to be timed. */
export const isCallHeard = (): boolean => callChannel.hasSubscribers

export const publishCall = (event: CallEvent): void => callChannel.publish(event)

const warned = new Set<string>()

/** A process warning of type `HoldfastWarning`, once for each code in the life of the process. */
export function warnOnce(code: string, message: string): void {
  if (warned.has(code)) return
  warned.add(code)
  process.emitWarning(message, { type: 'HoldfastWarning', code })
}
