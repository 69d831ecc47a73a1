import type { SessionStore } from './store.js'

export interface GuardOptions {
  readonly deadlineMs?: number | undefined
  readonly maxInFlight?: number | undefined
  readonly failures?: number | undefined
  readonly probeMs?: number | undefined
}

export function guard(store: SessionStore, options: GuardOptions = {}): SessionStore {
  void options
  return store
}
