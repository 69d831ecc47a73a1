import type { Budget } from './budget.js'
import { decode } from './codec.js'
import { isStoreUnavailable, StoreUnavailableError } from './errors.js'
import { isSameWrite, type SessionRecord, type SessionStore, type WriteCondition } from './store.js'

/** `applied`: the record stands there, or stood there and others have built on it (`current`). */
export type OfferOutcome =
  | { readonly applied: true; readonly current: SessionRecord }
  | { readonly applied: false; readonly current: SessionRecord | undefined }

/**
 * Offers one record under one condition until the outcome is known or the budget ends (`StoreUnavailableError`). A write
 * whose reply was lost is settled by its tag: servers do apply "failed" writes later, so the *same* record is offered
 * again under the same condition, and a ghost of it that arrives after that changes nothing.
 */
export async function offer(
  store: SessionStore,
  key: string,
  record: SessionRecord,
  condition: WriteCondition,
  budget: Budget,
): Promise<OfferOutcome> {
  let failure: unknown
  for (let attempt = 0; budget.hasRound; attempt++) {
    if (attempt > 0) await pause(attempt, budget)
    try {
      const outcome = await budget.call((options) => store.write(key, record, condition, options))
      if (outcome.written) return { applied: true, current: record }
      if (outcome.current && carries(outcome.current, record)) return { applied: true, current: outcome.current }
      return { applied: false, current: outcome.current }
    } catch (error) {
      failure = error
      if (!isStoreUnavailable(error) || error.refused) throw error
    }
  }
  throw failure ?? new StoreUnavailableError(`${store.name}: no time left in the commit's budget for a write.`)
}

function carries(current: SessionRecord, record: SessionRecord): boolean {
  if (isSameWrite(current, record)) return true
  if (current.data === null) return false
  const decoded = decode(current.data)
  return decoded.state === 'ok' && decoded.envelope.tags.includes(record.tag)
}

/** A server that refuses at once is not asked in a tight loop: 5, 10, 20 ms, then 50 ms apart. */
async function pause(attempt: number, budget: Budget): Promise<void> {
  const ms = Math.min(5 * 2 ** (attempt - 1), 50, budget.remainingMs)
  await new Promise((resolve) => setTimeout(resolve, ms))
}
