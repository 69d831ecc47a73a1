import { capabilitiesOf } from './capabilities.js'
import { guard } from './guard.js'
import { layerOver } from './layers.js'
import { refuseUnknown, wholeNumber } from './option-checks.js'
import { NearEntries, type NearEntriesOptions } from './near-entries.js'
import type { SessionStore } from './store.js'

export interface NearCacheOptions {
  /**
   * How old an answer may be, in ms since the call that brought it was *sent*; 1 to 60,000. What another process changes
   * or destroys is seen here so much later at most.
   */
  readonly maxStaleMs: number
  /** Sessions kept in this process, 1 to 1,000,000; the least recently used go first. Default 10,000. */
  readonly maxSessions?: number | undefined
  /** Ms since the epoch, for the deadlines of sessions; default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

export interface NearCache extends SessionStore {
  /** Forgets all and stops listening to the store below, which stays open; `close()` closes that too. */
  release(): void
}

/**
 * Answers reads from the memory of this process. Only live sessions are: what is absent, expired or destroyed is asked for
 * each time, and so is every `fresh` read. What this process writes it sees at once; what others write it sees within
 * `maxStaleMs`, and where the store reports changes (`onChange`) as soon as it is told. Goes outermost, and once.
 */
export function nearCache(store: SessionStore, options: NearCacheOptions): NearCache {
  return layerOver('nearCache', [store], () => over(guard(store), checkNearCache(options)))
}

function over(below: SessionStore, options: NearEntriesOptions): NearCache {
  const entries = new NearEntries(below, options)
  return {
    get name() {
      return below.name
    },
    guarded: true,
    read: (key, call) => entries.read(key, call),
    write: (key, record, condition, call) => entries.write(key, record, condition, call),
    touch: (key, record, expiresAt, call) => entries.touch(key, record, expiresAt, call),
    release: () => entries.release(),
    close: () => entries.close(),
    ...capabilitiesOf(below),
  } satisfies NearCache
}

/** A logout must not go unseen for longer than a minute. */
const LONGEST_STALE_MS = 60_000
const MOST_SESSIONS = 1_000_000

/** Fills in the defaults. Throws `ConfigError`. */
export function checkNearCache(options: NearCacheOptions): NearEntriesOptions {
  const { maxStaleMs, maxSessions = 10_000, clock = Date.now, ...unknown } = options
  refuseUnknown('nearCache.', unknown)
  return {
    maxStaleMs: wholeNumber('nearCache.maxStaleMs', maxStaleMs, 1, LONGEST_STALE_MS),
    maxSessions: wholeNumber('nearCache.maxSessions', maxSessions, 1, MOST_SESSIONS),
    clock,
  }
}
