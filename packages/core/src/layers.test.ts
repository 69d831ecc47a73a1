import { describe, expect, test, vi } from 'vitest'
import { encrypted } from './encrypted.js'
import { isConfigError } from './errors.js'
import { migrate } from './migrate.js'
import { nearCache } from './near-cache.js'
import { observe } from './observe.js'
import { failover, replicate } from './replicate.js'
import type { SessionStore } from './store.js'

const plain = (): SessionStore => ({
  name: 'plain',
  read: async () => undefined,
  write: async () => ({ written: true }),
  touch: async () => ({ written: true }),
  close: async () => {},
})

const layers: Readonly<Record<string, (store: SessionStore) => SessionStore>> = {
  nearCache: (store) => nearCache(store, { maxStaleMs: 500 }),
  migrate: (store) => migrate({ from: plain(), to: store }),
  failover: (store) => failover(plain(), store),
  replicate: (store) => replicate({ a: plain(), b: store }),
  encrypted: (store) => encrypted(store, { keys: 'k'.repeat(43) }),
}
const names = Object.keys(layers)
const cases = names.flatMap((outer, i) => names.map((inner, k) => ({ outer, inner, isInOrder: i < k })))
const between: Readonly<Record<string, (store: SessionStore) => SessionStore>> = { '': (store) => store, observe }

describe.each(Object.entries(between))('layers over stores, and %s between them', (_, wrap) => {
  test.each(cases)('$outer over $inner: in order is $isInOrder', async ({ outer, inner, isInOrder }) => {
    const make = () => layers[outer]?.(wrap(layers[inner]?.(plain()) as SessionStore)) as SessionStore
    if (isInOrder) return make().close()
    expect(make).toThrow(expect.toSatisfy(isConfigError))
    expect(make).toThrow(
      `${outer}: it is given a store that is made by ${inner}. The order is, outside in: nearCache → migrate → failover → replicate → encrypted → a store; each at most once.`,
    )
  })

  test('nothing is begun with a store before the refusal', () => {
    const primary = { ...plain(), read: vi.fn(plain().read) }
    expect(() => failover(primary, nearCache(plain(), { maxStaleMs: 500 }))).toThrow('made by nearCache')
    expect(primary.read).not.toHaveBeenCalled()
  })
})
