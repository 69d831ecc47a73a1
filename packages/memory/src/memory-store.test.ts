import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { isSessionTooLarge, isStoreUnavailable, TOMBSTONE_REVISION, type SessionRecord } from '@holdfast/core'
import { memoryStore } from './memory-store.js'
import { OVERHEAD_BYTES } from './record-bytes.js'

const events: unknown[] = []
const collect = (event: unknown) => void events.push(event)

beforeEach(() => {
  events.length = 0
  subscribe('holdfast:store', collect)
})
afterEach(() => {
  unsubscribe('holdfast:store', collect)
  vi.useRealTimers()
})

const record = (fields: Partial<SessionRecord> = {}): SessionRecord => ({
  data: '{}',
  revision: 1,
  tag: 'aaaaaaaa',
  expiresAt: Date.now() + 60_000,
  ...fields,
})
const tombstone = () => record({ data: null, revision: TOMBSTONE_REVISION })

type Store = ReturnType<typeof memoryStore>

async function fill(store: Store, records: Readonly<Record<string, SessionRecord>>): Promise<void> {
  for (const [key, value] of Object.entries(records)) await store.write(key, value, 'newer')
}

async function keysOf(store: Store): Promise<string[]> {
  const keys: string[] = []
  for await (const key of store.keys()) keys.push(key)
  return keys.sort()
}

const evicted = (tombstone: boolean) => ({ type: 'evicted', store: 'memory', tombstone })

describe('the bound of sessions', () => {
  test('the one used longest ago goes, with an event that names no key', async () => {
    const store = memoryStore({ maxSessions: 2 })
    await fill(store, { a: record(), b: record() })
    await store.read('a')
    await fill(store, { c: record() })
    expect(await keysOf(store)).toEqual(['a', 'c'])
    expect(events).toEqual([evicted(false)])
  })

  test('a touch is a use', async () => {
    const store = memoryStore({ maxSessions: 2 })
    const a = record()
    await fill(store, { a, b: record() })
    await store.touch('a', a, a.expiresAt + 1)
    await fill(store, { c: record() })
    expect(await keysOf(store)).toEqual(['a', 'c'])
  })

  test('writing a session again takes no place of another', async () => {
    const store = memoryStore({ maxSessions: 2 })
    await fill(store, { a: record(), b: record() })
    await fill(store, { a: record({ revision: 2 }), b: record({ revision: 2 }) })
    expect(await keysOf(store)).toEqual(['a', 'b'])
    expect(events).toEqual([])
  })

  test('tombstones are no sessions: they push none out and are not pushed out', async () => {
    const store = memoryStore({ maxSessions: 1 })
    await fill(store, { a: record(), x: tombstone(), y: tombstone(), b: record() })
    expect(await keysOf(store)).toEqual(['b', 'x', 'y'])
    expect(events).toEqual([evicted(false)])
  })

  test('what is over makes room on its own, without an event, when it is asked for', async () => {
    let now = 0
    const store = memoryStore({ maxSessions: 1, clock: () => now })
    await fill(store, { a: record({ expiresAt: 10 }) })
    now = 10
    await store.read('a')
    await fill(store, { b: record({ expiresAt: 20 }) })
    expect(events).toEqual([])
  })
})

describe('the bound of bytes', () => {
  const text = (bytes: number) => 'x'.repeat(bytes)

  test('counts the text and what a record takes beside it', async () => {
    const store = memoryStore({ maxBytes: 2 * (OVERHEAD_BYTES + 100) })
    await fill(store, { a: record({ data: text(100) }), b: record({ data: text(100) }) })
    expect(events).toEqual([])
    await fill(store, { b: record({ revision: 2, data: text(101) }) })
    expect(await keysOf(store)).toEqual(['b'])
    expect(events).toEqual([evicted(false)])
  })

  test('counts two bytes per character for text that is not ASCII', async () => {
    const store = memoryStore({ maxBytes: 2 * OVERHEAD_BYTES + 300 })
    await fill(store, { a: record({ data: text(100) }), b: record({ data: '中'.repeat(100) }) })
    expect(events).toEqual([])
    await fill(store, { b: record({ revision: 2, data: '中'.repeat(101) }) })
    expect(await keysOf(store)).toEqual(['b'])
  })

  test('a session that shrinks gives its bytes back', async () => {
    const store = memoryStore({ maxBytes: 2 * OVERHEAD_BYTES + 1_000 })
    await fill(store, { a: record({ data: text(900) }) })
    await fill(store, { a: record({ revision: 2, data: text(10) }), b: record({ data: text(900) }) })
    expect(await keysOf(store)).toEqual(['a', 'b'])
  })

  test('records go before tombstones, however old the tombstones are', async () => {
    const store = memoryStore({ maxBytes: 3 * (OVERHEAD_BYTES + 2) })
    await fill(store, { x: tombstone(), a: record(), b: record(), c: record() })
    expect(await keysOf(store)).toEqual(['b', 'c', 'x'])
    expect(events).toEqual([evicted(false)])
  })

  test('when only tombstones are left, the oldest goes for what is written now, with an event', async () => {
    const store = memoryStore({ maxBytes: 3 * (OVERHEAD_BYTES + 2) })
    await fill(store, { x: tombstone(), y: tombstone(), z: tombstone() })
    await fill(store, { a: record() })
    expect(await keysOf(store)).toEqual(['a', 'y', 'z'])
    await fill(store, { w: tombstone() })
    expect(await keysOf(store)).toEqual(['w', 'y', 'z'])
    await fill(store, { v: tombstone() })
    expect(await keysOf(store)).toEqual(['v', 'w', 'z'])
    expect(events).toEqual([evicted(true), evicted(false), evicted(true)])
  })

  test('destroying a session frees what it took', async () => {
    const store = memoryStore({ maxBytes: 2 * OVERHEAD_BYTES + 1_000 })
    await fill(store, { a: record({ data: text(900) }) })
    await fill(store, { a: tombstone(), b: record({ data: text(900) }) })
    expect(await keysOf(store)).toEqual(['a', 'b'])
    expect(events).toEqual([])
  })

  test('a record larger than all of it is refused; nothing is evicted for it and the stored one stays', async () => {
    const store = memoryStore({ maxBytes: 1_000 })
    const a = record()
    await fill(store, { a, b: record() })
    const large = record({ revision: 2, data: text(1_000) })
    await expect(store.write('a', large, { replaces: a })).rejects.toSatisfy(isSessionTooLarge)
    await expect(store.write('c', large, 'absent')).rejects.toSatisfy(isSessionTooLarge)
    expect(await store.read('a')).toEqual(a)
    expect(await keysOf(store)).toEqual(['a', 'b'])
    expect(events).toEqual([])
  })
})

describe('expiry without being asked for', () => {
  const setUp = () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    let now = 0
    const store = memoryStore({ clock: () => now })
    const advance = (ms: number) => {
      now += ms
      vi.advanceTimersByTime(ms)
    }
    return { store, advance }
  }

  test('records and tombstones that are over leave within seconds, the others stay', async () => {
    const { store, advance } = setUp()
    await fill(store, { a: record({ expiresAt: 500 }), b: record({ expiresAt: 9_000 }) })
    await fill(store, { x: { ...tombstone(), expiresAt: 500 }, y: { ...tombstone(), expiresAt: 9_000 } })
    advance(3_000)
    expect(await keysOf(store)).toEqual(['b', 'y'])
    expect(events).toEqual([])
  })

  test('long-lived sessions that nobody uses do not hide expired ones behind them', async () => {
    const { store, advance } = setUp()
    for (let i = 0; i < 5_000; i++) await store.write(`long${i}`, record({ expiresAt: 1e9 }), 'absent')
    for (let i = 0; i < 1_000; i++) await store.write(`short${i}`, record({ expiresAt: 500 }), 'absent')
    for (let second = 0; second < 6; second++) {
      advance(1_000)
      await store.read('long4999')
    }
    expect(await keysOf(store)).toHaveLength(5_000)
  })

  test('a session that came back under a key that is over is not removed with it', async () => {
    const { store, advance } = setUp()
    for (let i = 0; i < 2_000; i++) await store.write(`k${i}`, record({ expiresAt: 500 }), 'absent')
    advance(1_000)
    for (let i = 0; i < 2_000; i++) await store.write(`k${i}`, record({ expiresAt: 60_000 }), 'absent')
    advance(3_000)
    expect(await keysOf(store)).toHaveLength(2_000)
  })

  test('the timer runs only while the store holds something', async () => {
    const { store, advance } = setUp()
    expect(vi.getTimerCount()).toBe(0)
    await fill(store, { a: record({ expiresAt: 500 }), x: { ...tombstone(), expiresAt: 500 } })
    expect(vi.getTimerCount()).toBe(1)
    advance(3_000)
    expect(vi.getTimerCount()).toBe(0)
    await fill(store, { b: record({ expiresAt: 60_000 }) })
    expect(vi.getTimerCount()).toBe(1)
    await store.close()
    expect(vi.getTimerCount()).toBe(0)
  })
})

test('a process with sessions in memory ends when nothing else is left to do', async () => {
  const setTimer = vi.spyOn(globalThis, 'setInterval')
  const store = memoryStore()
  await fill(store, { a: record() })
  expect(setTimer.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false])
  setTimer.mockRestore()
  await store.close()
})

describe('calls', () => {
  test('an aborted write has no effect, and says so', async () => {
    const store = memoryStore()
    const refused = { code: 'STORE_UNAVAILABLE', refused: true }
    await expect(store.write('a', record(), 'absent', { signal: AbortSignal.abort() })).rejects.toMatchObject(refused)
    expect(await store.read('a')).toBeUndefined()
  })

  test('a listing ends with StoreUnavailableError when the store is closed meanwhile', async () => {
    const store = memoryStore()
    await fill(store, { a: record(), b: record() })
    const keys = store.keys()[Symbol.asyncIterator]()
    await keys.next()
    await store.close()
    await expect(keys.next()).rejects.toSatisfy(isStoreUnavailable)
  })
})

describe('options', () => {
  test.each([
    ['maxSessions', 0],
    ['maxSessions', 1.5],
    ['maxBytes', -1],
    ['maxBytes', Number.NaN],
    ['maxBytes', Infinity],
  ])('%s: %d is refused by name and value', (option, value) => {
    const message = `memoryStore: ${option} is ${value}. Use a whole number above 0.`
    expect(() => memoryStore({ [option]: value })).toThrow(expect.objectContaining({ code: 'CONFIG', message }))
  })
})
