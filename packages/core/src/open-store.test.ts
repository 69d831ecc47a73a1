import { describe, expect, test, vi } from 'vitest'
import type { StoreAdapter } from './adapters.js'
import { createEngine } from './engine.js'
import type { ReportsChanges, SessionRecord, SessionStore } from './store.js'

class FakeStore implements SessionStore, ReportsChanges {
  readonly guarded = true
  readonly records = new Map<string, SessionRecord>()
  readonly listeners = new Set<unknown>()
  readonly close = vi.fn(async () => {})
  constructor(readonly name: string) {}
  get texts() {
    return [...this.records.values()].map(({ data }) => data)
  }
  read = async (key: string) => this.records.get(key)
  write = async (key: string, record: SessionRecord) => {
    this.records.set(key, record)
    return { written: true as const }
  }
  touch = async () => ({ written: true as const })
  onChange(listener: unknown) {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }
}

/** Opens `now:…` at once and `later:…` when it was asked to. */
function adapterOf(stores: Record<string, FakeStore>): { adapter: StoreAdapter; openLater: () => void } {
  let openLater = (): void => {}
  const later = new Promise<void>((resolve) => (openLater = resolve))
  const adapter: StoreAdapter = {
    name: 'fake',
    schemes: ['now', 'later', 'memory'],
    open: (url) => {
      const store = stores[url] as FakeStore
      return url.startsWith('later:') ? later.then(() => store) : store
    },
  }
  return { adapter, openLater }
}

const engine = (adapter: StoreAdapter, options: { store: string | SessionStore; [option: string]: unknown }) =>
  createEngine({ secret: 'a secret of at least thirty-two bytes', adapters: [adapter], ...options })

describe('the option failover', () => {
  test('each session is on both, and both are closed', async () => {
    const [primary, standby] = [new FakeStore('a'), new FakeStore('b')]
    const { adapter } = adapterOf({ 'now:a': primary, 'now:b': standby })
    const sessions = engine(adapter, { store: 'now:a', failover: 'now:b' })
    await sessions.create({ name: 'Ada' })
    for (const store of [primary, standby]) expect(store.texts).toContainEqual(expect.stringContaining('Ada'))
    await sessions.close()
    for (const { close } of [primary, standby]) expect(close).toHaveBeenCalledTimes(1)
  })

  test('logins go on while the primary is not open yet', async () => {
    const standby = new FakeStore('b')
    const { adapter } = adapterOf({ 'later:a': new FakeStore('a'), 'now:b': standby })
    const sessions = engine(adapter, { store: 'later:a', failover: 'now:b' })
    await sessions.create({ name: 'Ada' })
    expect(standby.texts).toContainEqual(expect.stringContaining('Ada'))
    await sessions.close()
  })

  test('what the app gave stays open, and is not asked any more after the end', async () => {
    const [primary, standby] = [new FakeStore('a'), new FakeStore('b')]
    const { adapter } = adapterOf({})
    const sessions = engine(adapter, { store: primary, failover: standby, nearCache: { maxStaleMs: 500 } })
    await sessions.ready()
    for (const { listeners } of [primary, standby]) expect(listeners.size).toBe(1)
    await sessions.close()
    for (const { close, listeners } of [primary, standby]) {
      expect(close).not.toHaveBeenCalled()
      expect(listeners.size).toBe(0)
    }
  })

  test('a refused pair is closed again', () => {
    const [primary, standby] = [new FakeStore('a'), new FakeStore('memory')]
    const { adapter } = adapterOf({ 'now:a': primary, 'memory:': standby })
    const make = () => engine(adapter, { store: 'now:a', failover: 'memory:' })
    expect(make).toThrow('failover: the standby is the memory of this process')
    for (const { close } of [primary, standby]) expect(close).toHaveBeenCalledTimes(1)
  })
})

test('a near cache hears of changes of a store that is opened later, until the sessions are closed', async () => {
  const store = new FakeStore('a')
  const { adapter, openLater } = adapterOf({ 'later:a': store })
  const sessions = engine(adapter, { store: 'later:a', nearCache: { maxStaleMs: 500 } })
  openLater()
  await sessions.ready()
  expect(store.listeners.size).toBe(1)
  await sessions.close()
  expect(store.listeners.size).toBe(0)
})
