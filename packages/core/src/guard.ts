import { CallGuard, type GuardOptions } from './call-guard.js'
import { capabilitiesOf } from './capabilities.js'
import type { CallOptions, SessionStore } from './store.js'

/**
 * Bounds the calls to a store that does not do so itself: deadline, abort signal, breaker, cap on calls in flight. Every
 * failure is a `StoreUnavailableError`, with `refused` where the call was never sent; other errors of Holdfast, such as
 * `SessionTooLargeError`, pass. `keys()`, `ready()`, `drain()` and `close()` are not bounded. A store that is `guarded` is returned as
 * it is.
 */
export function guard(store: SessionStore, options: GuardOptions = {}): SessionStore {
  if (store.guarded) return store
  const calls = new CallGuard(store.name, options)
  const probe = (key: string, call?: CallOptions) => (ms: number) =>
    store.read(key, { signal: call?.signal, timeoutMs: ms })
  return {
    name: store.name,
    guarded: true,
    read: (key, call) => calls.run('read', call, () => store.read(key, call)),
    write: (key, record, condition, call) =>
      calls.run('write', call, () => store.write(key, record, condition, call), probe(key, call)),
    touch: (key, record, expiresAt, call) =>
      calls.run('touch', call, () => store.touch(key, record, expiresAt, call), probe(key, call)),
    close: () => store.close(),
    ...capabilitiesOf(store),
  } satisfies SessionStore
}
