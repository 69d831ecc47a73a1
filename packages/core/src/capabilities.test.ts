import { expect, test, vi } from 'vitest'
import { guard } from './guard.js'
import { migrate } from './migrate.js'
import { nearCache } from './near-cache.js'
import { observe } from './observe.js'
import { OpeningStore } from './opening-store.js'
import { failover, replicate } from './replicate.js'
import { type RanksNodes, ranksNodes, type SessionStore } from './store.js'

const plain = (parts: Partial<SessionStore & RanksNodes> = {}): SessionStore => ({
  name: 'test',
  read: async () => undefined,
  write: async () => ({ written: true }),
  touch: async () => ({ written: true }),
  close: async () => {},
  ...parts,
})

const nearby = () => {
  const drain = vi.fn(async () => {})
  return {
    drain,
    store: plain({
      ...{ drain, nodesOf: () => ['a', 'b'] },
      ...{ health: () => ({ ok: false, reason: 'filling.' }), status: async () => ({ shares: 7 }) },
    }),
  }
}

const opening = (open: () => Promise<SessionStore>) =>
  new OpeningStore({ open }, 'test:', { clock: Date.now, idleMs: 1, absoluteMs: 1 })

test.each([
  ['a guarded store', async (store: SessionStore) => guard(store)],
  ['an observed store', async (store: SessionStore) => observe(store)],
  ['a near cache', async (store: SessionStore) => nearCache(store, { maxStaleMs: 500 })],
  [
    'a store that was opened by its URL',
    async (store: SessionStore) => {
      const opened = opening(async () => store)
      await opened.ready()
      return opened
    },
  ],
])(
  '%s says what the store below says of its health, of itself and of the nodes of a session, and is drained with it',
  async (_, over) => {
    const { store, drain } = nearby()
    const wrapped = await over(store)
    expect(wrapped.health?.()).toEqual({ ok: false, reason: 'filling.' })
    expect(await wrapped.status?.()).toEqual({ shares: 7 })
    expect(ranksNodes(wrapped) && wrapped.nodesOf('key')).toEqual(['a', 'b'])
    await wrapped.drain?.({ timeoutMs: 7 })
    expect(drain.mock.calls).toEqual([[{ timeoutMs: 7 }]])
  },
)

test('a wrapper of a store that cannot say so has none of it', () => {
  const wrapped = nearCache(plain(), { maxStaleMs: 500 })
  expect('health' in wrapped || 'status' in wrapped || 'drain' in wrapped || 'nodesOf' in wrapped).toBe(false)
})

test('a store that is still being opened is not healthy and knows no nodes', async () => {
  const store = opening(() => new Promise(() => {}))
  expect(store.health()).toEqual({ ok: false, reason: 'test: the store is not open yet.' })
  expect(store.nodesOf('key')).toEqual([])
  await store.drain()
  await store.close()
})

test('a store that was opened and has no say is healthy and knows no nodes', async () => {
  const store = opening(async () => plain())
  await store.ready()
  expect(store.health()).toEqual({ ok: true })
  expect(store.nodesOf('key')).toEqual([])
})

test.each([
  ['failover', (one: SessionStore, other: SessionStore) => failover(one, other)],
  ['replicate', (one: SessionStore, other: SessionStore) => replicate({ one, other })],
])('%s is drained with all of its stores, and believes none of them for the others', async (_, over) => {
  const [one, other] = [nearby(), nearby()]
  const replicated: SessionStore = over(one.store, other.store)
  expect('health' in replicated || ranksNodes(replicated)).toBe(false)
  await replicated.drain?.()
  expect([one.drain, other.drain].map(({ mock }) => mock.calls.length)).toEqual([1, 1])
  await replicated.close()
})

test('migrate believes the store that decides, and is drained with both', async () => {
  const [from, to] = [nearby(), plain({ drain: vi.fn(async () => {}) })]
  const migrating = migrate({ from: from.store, to })
  expect(migrating.health?.()).toEqual({ ok: false, reason: 'filling.' })
  expect(ranksNodes(migrating) && migrating.nodesOf('key')).toEqual(['a', 'b'])
  await migrating.drain?.()
  expect(from.drain).toHaveBeenCalledTimes(1)
  expect(to.drain).toHaveBeenCalledTimes(1)
  await migrating.close()
})
