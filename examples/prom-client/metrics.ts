import { subscribe } from 'node:diagnostics_channel'
import type { CallEvent, SessionEvent, StoreEvent } from '@holdfast/core'
import { Counter, Gauge, Histogram } from 'prom-client'

const calls = new Histogram({
  name: 'holdfast_call_duration_seconds',
  help: 'Calls to session stores: how long each took, and how it ended.',
  labelNames: ['store', 'operation', 'outcome'],
  // A call is given up at 0.25 s.
  buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5],
})
const sessionEvents = new Counter({
  name: 'holdfast_session_events_total',
  help: 'What happened to sessions.',
  labelNames: ['type', 'detail'],
})
const storeEvents = new Counter({
  name: 'holdfast_store_events_total',
  help: 'What happened in session stores.',
  labelNames: ['store', 'type', 'detail'],
})
const openBreakers = new Gauge({
  name: 'holdfast_open_breakers',
  help: 'Session stores that do not answer, so that calls to them are refused at once.',
  labelNames: ['store'],
})

/** Counts what the sessions of this process do, for the default registry. Call it once, before `createSessions`. */
export function countSessions(): void {
  subscribe('holdfast:call', (message) => {
    const { store, operation, outcome, durationMs } = message as CallEvent
    calls.observe({ store, operation, outcome }, durationMs / 1_000)
  })
  subscribe('holdfast:session', (message) => {
    const event = message as SessionEvent
    sessionEvents.inc({ type: event.type, detail: detailOfSession(event) })
  })
  subscribe('holdfast:store', (message) => {
    const event = message as StoreEvent
    const { type, store } = event
    storeEvents.inc({ store, type, detail: detailOfStore(event) }, 'count' in event ? event.count : 1)
    if (type === 'breaker-opened') openBreakers.inc({ store })
    if (type === 'breaker-closed') openBreakers.dec({ store })
  })
}

/** One of a few words: each of them makes a series. */
function detailOfSession(event: SessionEvent): string {
  if (event.type === 'conflict') return event.rounds > 3 ? 'over-3-rounds' : ''
  if ('code' in event) return event.code
  if ('reason' in event) return event.reason
  return 'action' in event ? event.action : ''
}

function detailOfStore(event: StoreEvent): string {
  if (event.type === 'evicted') return 'tombstone' in event && event.tombstone ? 'tombstone' : ''
  if ('operation' in event) return event.operation
  if ('reason' in event) return event.reason
  if ('phase' in event) return event.phase
  if ('how' in event) return event.how
  return 'state' in event ? event.state : ''
}
