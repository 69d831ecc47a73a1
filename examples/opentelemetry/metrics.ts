import { subscribe } from 'node:diagnostics_channel'
import type { CallEvent, SessionEvent, StoreEvent } from '@holdfast/core'
import type { Meter } from '@opentelemetry/api'

/** A call is given up at 0.25 s. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5]

/** Counts what the sessions of this process do. Call it once, before `createSessions`. */
export function countSessions(meter: Meter): void {
  const calls = meter.createHistogram('holdfast.call.duration', {
    description: 'Calls to session stores: how long each took, and how it ended.',
    unit: 's',
    advice: { explicitBucketBoundaries: SECONDS },
  })
  const sessionEvents = meter.createCounter('holdfast.session.events', {
    description: 'What happened to sessions.',
    unit: '{event}',
  })
  const storeEvents = meter.createCounter('holdfast.store.events', {
    description: 'What happened in session stores.',
    unit: '{event}',
  })
  const openBreakers = meter.createUpDownCounter('holdfast.breakers.open', {
    description: 'Session stores that do not answer, so that calls to them are refused at once.',
    unit: '{store}',
  })

  subscribe('holdfast:call', (message) => {
    const { store, operation, outcome, durationMs } = message as CallEvent
    calls.record(durationMs / 1_000, { store, operation, outcome })
  })
  subscribe('holdfast:session', (message) => {
    const event = message as SessionEvent
    sessionEvents.add(1, { type: event.type, ...detailOfSession(event) })
  })
  subscribe('holdfast:store', (message) => {
    const event = message as StoreEvent
    const { type, store } = event
    storeEvents.add('count' in event ? event.count : 1, { store, type, ...detailOfStore(event) })
    if (type === 'breaker-opened') openBreakers.add(1, { store })
    if (type === 'breaker-closed') openBreakers.add(-1, { store })
  })
}

/** One of a few words: each of them makes a series. */
function detailOfSession(event: SessionEvent): Readonly<Record<string, string | boolean>> {
  if (event.type === 'conflict') return { many_rounds: event.rounds > 3 }
  if ('code' in event) return { code: event.code }
  if ('reason' in event) return { reason: event.reason }
  return 'action' in event ? { action: event.action } : {}
}

function detailOfStore(event: StoreEvent): Readonly<Record<string, string | boolean>> {
  if (event.type === 'evicted') return { tombstone: 'tombstone' in event && event.tombstone }
  if ('operation' in event) return { operation: event.operation }
  if ('reason' in event) return { reason: event.reason }
  if ('phase' in event) return { phase: event.phase }
  if ('how' in event) return { how: event.how }
  return 'state' in event ? { state: event.state } : {}
}
