import { ConfigError } from './errors.js'
import type { SessionStore } from './store.js'

/** What is made of stores, from the outside in. */
const ORDER = ['nearCache', 'migrate', 'failover', 'replicate', 'encrypted'] as const
export type Layer = (typeof ORDER)[number]

/** A registered symbol, so that two copies of core know each other's. */
const LAYER = Symbol.for('holdfast.layer')

const layerOf = (store: SessionStore): Layer | undefined => (store as { readonly [LAYER]?: Layer })[LAYER]

/** Makes a layer of stores, and marks it. Throws `ConfigError`, and makes nothing, where one of them belongs outside of it. */
export function layerOver<T extends SessionStore>(layer: Layer, stores: readonly SessionStore[], make: () => T): T {
  for (const store of stores) {
    const inner = layerOf(store)
    if (inner !== undefined && ORDER.indexOf(inner) <= ORDER.indexOf(layer)) {
      throw new ConfigError(
        `${layer}: it is given a store that is made by ${inner}. The order is, outside in: ${ORDER.join(' → ')} → a store; each at most once.`,
      )
    }
  }
  return Object.assign(make(), { [LAYER]: layer })
}

/** Marks what stands before a store without being a layer as what that store is. */
export function sameLayer<T extends SessionStore>(store: SessionStore, wrapper: T): T {
  const layer = layerOf(store)
  return layer ? Object.assign(wrapper, { [LAYER]: layer }) : wrapper
}
