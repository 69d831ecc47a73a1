import type { Budget } from './budget.js'
import {
  applyChange,
  type Change,
  type ChangeLimits,
  continueFrom,
  nextSnapshot,
  type Snapshot,
  snapshotOf,
  tombstone,
} from './changes.js'
import { SessionConflictError, SessionGoneError, StoreUnavailableError } from './errors.js'
import { offer } from './offer.js'
import { isTombstone, type SessionStore } from './store.js'

export interface Rotation {
  readonly oldKey: string
  readonly newKey: string
  readonly change: Change
  /** This request bound the user itself: a login goes on although the old session ended meanwhile. */
  readonly bound: boolean
}

/**
 * Moves a session to a new key: the new record first, then a tombstone over the old one, under compare-and-set with
 * what was copied. A commit that came between is merged and copied too. Rejects with `SessionGoneError` when the old
 * session ended meanwhile, and leaves a tombstone over the new key then.
 */
export async function rotateRecord(
  store: SessionStore,
  { oldKey, newKey, change, bound }: Rotation,
  known: Snapshot,
  limits: ChangeLimits,
  clock: () => number,
  budget: Budget,
): Promise<Snapshot> {
  let content = known
  let replaced = known.record
  let moved: Snapshot | undefined
  while (budget.hasRound) {
    const next = nextSnapshot(moved, applyChange(content.envelope, change, limits), clock())
    const put = await offer(store, newKey, next.record, moved ? { replaces: moved.record } : 'absent', budget)
    if (!put.applied) throw new SessionGoneError()
    moved = next
    const end = await offer(store, oldKey, tombstone(content.envelope.absoluteAt), { replaces: replaced }, budget)
    if (end.applied) return moved
    if (!end.current || isTombstone(end.current)) {
      if (bound) return moved
      await offer(store, newKey, tombstone(moved.envelope.absoluteAt), 'newer', budget)
      throw new SessionGoneError()
    }
    replaced = end.current
    content = continueFrom(snapshotOf(end.current), content).content
    await budget.jitter()
  }
  if (!moved)
    throw new StoreUnavailableError(`${store.name}: no time was left in the commit's budget for the rotation.`)
  throw new SessionConflictError('Other requests kept changing the session until the time for its rotation was over.')
}
