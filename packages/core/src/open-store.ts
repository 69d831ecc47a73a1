import { type AdapterContext, findAdapter, type StoreAdapter } from './adapters.js'
import { guard } from './guard.js'
import { migrate } from './migrate.js'
import { nearCache } from './near-cache.js'
import { observe } from './observe.js'
import { OpeningStore } from './opening-store.js'
import type { Config } from './options.js'
import { failover } from './replicate.js'
import type { SessionStore } from './store.js'

export interface OpenedStore {
  readonly store: SessionStore
  /** Closes what was opened here; a store object that the app gave stays open. */
  release(): Promise<void>
}

/**
 * The store of an engine, with what stands before it: the near cache over the migration over the standby over the bounds of
 * its calls; all but the near cache are observed.
 */
export function openStore(config: Config, builtIn: readonly StoreAdapter[]): OpenedStore {
  const { clock, remember, adapters, seal } = config
  const context = { clock, idleMs: remember.idleMs, absoluteMs: config.longestAbsoluteMs, ...(seal && { seal }) }
  const opened: SessionStore[] = []
  const layers: { release(): void | Promise<void> }[] = []
  const open = (given: string | SessionStore): SessionStore => {
    if (typeof given !== 'string') return observe(guard(given))
    const store = storeOfUrl(given, context, [...adapters, ...builtIn])
    opened.push(store)
    return observe(guard(store))
  }
  const layer = <Layer extends SessionStore & { release(): void | Promise<void> }>(made: Layer): Layer => {
    layers.unshift(made)
    return made
  }

  const release = async (): Promise<void> => {
    for (const made of layers) await made.release()
    await Promise.all(opened.map((one) => one.close()))
  }
  try {
    let store = open(config.store)
    if (config.failover)
      store = observe(layer(failover(store, open(config.failover), { idle: remember.idleMs, clock })))
    if (config.migrateFrom) {
      const from = open(config.migrateFrom)
      store = observe(layer(migrate({ from, to: store, absolute: config.longestAbsoluteMs, clock })))
    }
    return { store: config.nearCache ? layer(nearCache(store, config.nearCache)) : store, release }
  } catch (error) {
    void release()
    throw error
  }
}

/** At once where the adapter can, else as an `OpeningStore`. */
function storeOfUrl(url: string, context: AdapterContext, adapters: readonly StoreAdapter[]): SessionStore {
  const adapter = findAdapter(url, adapters)
  const opened = adapter.open(url, context)
  return opened instanceof Promise ? new OpeningStore(adapter, url, context, opened) : opened
}
