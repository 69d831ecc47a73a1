import { capabilitiesOf } from './capabilities.js'
import { isStoreUnavailable } from './errors.js'
import { type CallOutcome, isCallHeard, publishCall, type StoreOperation } from './events.js'
import { sameLayer } from './layers.js'
import type { SessionRecord, SessionStore, WriteOutcome } from './store.js'

/** Two copies of core know each other's. */
const OBSERVED = Symbol.for('holdfast.observed')

/**
 * Publishes an event for each call on the channel `holdfast:call`: the store's name, the operation, how long it took and
 * how it ended. Without a subscriber a call goes straight through. Goes anywhere in the order of stores, and changes nothing
 * about it. `createSessions` observes its stores itself, below the near cache.
 */
export function observe(store: SessionStore): SessionStore {
  if (OBSERVED in store) return store
  const call = async <Answer>(
    operation: StoreOperation,
    ask: () => Promise<Answer>,
    outcomeOf: (answer: Answer) => CallOutcome,
  ): Promise<Answer> => {
    const sentAt = performance.now()
    const ended = (outcome: CallOutcome): void =>
      publishCall({ store: store.name, operation, durationMs: performance.now() - sentAt, outcome })
    try {
      const answer = await ask()
      ended(outcomeOf(answer))
      return answer
    } catch (error) {
      ended(failureOf(error))
      throw error
    }
  }
  const observed = {
    [OBSERVED]: true,
    get name() {
      return store.name
    },
    ...(store.guarded !== undefined && { guarded: store.guarded }),
    read: (key, options) =>
      isCallHeard() ? call('read', () => store.read(key, options), foundBy) : store.read(key, options),
    write: (key, record, condition, options) =>
      isCallHeard()
        ? call('write', () => store.write(key, record, condition, options), writtenBy)
        : store.write(key, record, condition, options),
    touch: (key, record, expiresAt, options) =>
      isCallHeard()
        ? call('touch', () => store.touch(key, record, expiresAt, options), writtenBy)
        : store.touch(key, record, expiresAt, options),
    close: () => store.close(),
    ...capabilitiesOf(store),
  } satisfies SessionStore & { [OBSERVED]: true }
  return sameLayer(store, observed)
}

function foundBy(record: SessionRecord | undefined): CallOutcome {
  if (!record) return 'miss'
  return record.data === null ? 'tombstone' : 'hit'
}

const writtenBy = ({ written }: WriteOutcome): CallOutcome => (written ? 'written' : 'conflict')

function failureOf(error: unknown): CallOutcome {
  if (!isStoreUnavailable(error)) return 'failed'
  return error.refused ? 'refused' : 'unavailable'
}
