import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
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

describe('the option encryptionKeys', () => {
  const encryptionKeys = 'k'.repeat(43)
  const isSealed = (text: unknown) => /^hs1\./.test(String(text))

  test.each(['at once', 'later'])('seals what is kept in a store that is opened %s', async (when) => {
    const [primary, standby] = [new FakeStore('a'), new FakeStore('b')]
    const { adapter, openLater } = adapterOf({ 'now:a': primary, 'later:a': primary, 'now:b': standby })
    const store = when === 'later' ? 'later:a' : 'now:a'
    const options = { store, failover: 'now:b', nearCache: { maxStaleMs: 500 }, encryptionKeys }
    const sessions = engine(adapter, options)
    openLater()
    await sessions.ready()
    await sessions.create({ name: 'Ada' }, { userId: 'a user' })
    expect((await sessions.listByUser('a user')).map(({ data }) => data)).toEqual([{ name: 'Ada' }])
    for (const { texts } of [primary, standby]) {
      // The session, the list of the user's sessions, and since when failover knows the store.
      expect(texts).toHaveLength(3)
      expect(texts.filter((text) => !isSealed(text))).toEqual([expect.stringMatching(/^\d{13}$/)])
    }
    await sessions.close()
  })

  test('leaves it to an adapter that seals itself, which is given what seals', async () => {
    const [inner, outer] = [new FakeStore('inner'), new FakeStore('outer')]
    const open = vi.fn<StoreAdapter['open']>(() => outer)
    const adapter: StoreAdapter = { name: 'own', schemes: ['own'], sealsItself: true, open }
    const sessions = engine(adapter, { store: 'own:', encryptionKeys })
    await sessions.create({ name: 'Ada' })
    expect(outer.texts).toEqual([expect.stringContaining('Ada')])
    const record = { data: 'Ada', revision: 1, tag: 'abcdefgh', expiresAt: Date.now() + 1_000 }
    await open.mock.calls[0]?.[1].seal?.(inner).write('a-key', record, 'absent')
    expect(inner.texts.map(isSealed)).toEqual([true])
    await sessions.close()
  })

  test('is no matter to an engine without it', async () => {
    const store = new FakeStore('a')
    const { adapter } = adapterOf({ 'now:a': store })
    const sessions = engine(adapter, { store: 'now:a' })
    await sessions.create({ name: 'Ada' })
    expect(store.texts).toEqual([expect.stringContaining('Ada')])
    await sessions.close()
  })
})

test('calls to the stores are observed below a near cache, each store and the pair of both', async () => {
  const calls: unknown[] = []
  const listen = (event: unknown) => {
    const { store, operation, outcome } = event as Record<string, string>
    calls.push([store, operation, outcome].join(' '))
  }
  subscribe('holdfast:call', listen)
  onTestFinished(() => void unsubscribe('holdfast:call', listen))
  const { adapter } = adapterOf({ 'now:a': new FakeStore('a') })
  const sessions = engine(adapter, { store: 'now:a', failover: new FakeStore('b'), nearCache: { maxStaleMs: 500 } })
  await sessions.ready()
  calls.length = 0
  const { cookie } = await sessions.create({ name: 'Ada' })
  expect(calls).toEqual(['a write written', 'b write written', 'failover write written'])
  await sessions.read({ headers: { cookie } } as IncomingMessage)
  expect(calls).toHaveLength(3)
  await sessions.close()
})
