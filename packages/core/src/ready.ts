import type { CallOptions, SessionStore } from './store.js'

const PROBE_KEY = 'holdfast-ready'

/** Rejects when sessions cannot be kept there now. A store that cannot say so itself is asked for a key. */
export async function askReady(store: SessionStore, options?: CallOptions): Promise<void> {
  await (store.ready ? store.ready(options) : store.read(PROBE_KEY, options))
}
