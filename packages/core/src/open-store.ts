import { findAdapter, type StoreAdapter } from './adapters.js'
import { guard } from './guard.js'
import { nearCache } from './near-cache.js'
import { OpeningStore } from './opening-store.js'
import type { Config } from './options.js'
import type { SessionStore } from './store.js'

export interface OpenedStore {
  readonly store: SessionStore
  /** Closes what was opened here; a store object that the app gave stays open. */
  release(): Promise<void>
}

/** The store of an engine, with what stands before it: the near cache on top of the bounds of its calls. */
export function openStore(config: Config, builtIn: readonly StoreAdapter[]): OpenedStore {
  if (typeof config.store === 'string') {
    const store = storeOfUrl(config.store, config, builtIn)
    return { store, release: () => store.close() }
  }
  if (!config.nearCache) return { store: guard(config.store), release: async () => {} }
  const store = nearCache(config.store, config.nearCache)
  return { store, release: async () => store.release() }
}

/** At once where the adapter can, else as an `OpeningStore`. */
function storeOfUrl(url: string, config: Config, builtIn: readonly StoreAdapter[]): SessionStore {
  const { clock, nearCache: near } = config
  const adapter = findAdapter(url, [...config.adapters, ...builtIn])
  // Over the store itself, which shows what it can do only once it is open.
  const layered = (store: SessionStore): SessionStore => (near ? nearCache(store, near) : guard(store))
  const opened = adapter.open(url, { clock })
  if (!(opened instanceof Promise)) return layered(opened)
  const open = async (): Promise<SessionStore> => layered(await adapter.open(url, { clock }))
  return new OpeningStore({ open }, url, { clock }, opened.then(layered))
}
