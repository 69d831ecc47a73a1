import { afterEach, expect, test, vi } from 'vitest'
import { createEngine } from './engine.js'
import { isStoreUnavailable } from './errors.js'
import { nearCache, type NearCacheOptions } from './near-cache.js'
import {
  type ListsKeys,
  listsKeys,
  type ReportsChanges,
  reportsChanges,
  type SessionRecord,
  type SessionStore,
} from './store.js'

const RECORD: SessionRecord = { data: '{}', revision: 1, tag: 'abcdefgh', expiresAt: Number.MAX_SAFE_INTEGER }

/** Has one record under every key. */
const plainStore = () => ({
  name: 'plain',
  read: vi.fn(async () => RECORD),
  write: vi.fn(async () => ({ written: true as const })),
  touch: vi.fn(async () => ({ written: true as const })),
  close: vi.fn(async () => {}),
})

function richStore() {
  const listeners = new Set<unknown>()
  const store: SessionStore & ListsKeys & ReportsChanges = {
    ...plainStore(),
    name: 'rich',
    ready: vi.fn(async () => {}),
    async *keys() {
      yield 'a key'
    },
    onChange: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
  return { store, listeners }
}

afterEach(() => void vi.useRealTimers())

test('a near cache passes on what the store below can do', async () => {
  const { store, listeners } = richStore()
  const cache: SessionStore = nearCache(store, { maxStaleMs: 500 })
  if (!listsKeys(cache) || !reportsChanges(cache)) expect.fail('it lists no keys or reports no changes')
  expect(cache.name).toBe('rich')
  await cache.ready?.({ timeoutMs: 7 })
  expect(store.ready).toHaveBeenCalledWith({ timeoutMs: 7 })
  const keys: string[] = []
  for await (const key of cache.keys()) keys.push(key)
  expect(keys).toEqual(['a key'])
  const stop = cache.onChange(() => {})
  expect(listeners.size).toBe(2)
  stop()
  expect(listeners.size).toBe(1)
})

test('it can no more than the store below', () => {
  const cache = nearCache(plainStore(), { maxStaleMs: 1 })
  expect('keys' in cache || 'onChange' in cache || 'ready' in cache).toBe(false)
})

test('it bounds the calls to a store that does not do so itself', async () => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'setImmediate'] })
  const store = { ...plainStore(), read: () => new Promise<never>(() => {}) }
  const cache = nearCache(store, { maxStaleMs: 500 })
  expect(cache.guarded).toBe(true)
  const refused = expect(cache.read('a key')).rejects.toSatisfy(isStoreUnavailable)
  await vi.advanceTimersByTimeAsync(300)
  await refused
})

test('close() closes the store below, release() leaves it open', async () => {
  const { store } = richStore()
  nearCache(store, { maxStaleMs: 500 }).release()
  expect(store.close).not.toHaveBeenCalled()
  await nearCache(store, { maxStaleMs: 500 }).close()
  expect(store.close).toHaveBeenCalledTimes(1)
})

test.each([
  [{ maxStaleMs: 0 }, 'nearCache.maxStaleMs is 0. Give a whole number from 1 to 60000.'],
  [{ maxStaleMs: '500' }, "nearCache.maxStaleMs is '500'. Give a whole number from 1 to 60000."],
  [{}, 'nearCache.maxStaleMs is undefined. Give a whole number from 1 to 60000.'],
  [{ maxStaleMs: Infinity }, 'nearCache.maxStaleMs is Infinity. Give a whole number from 1 to 60000.'],
  [{ maxStaleMs: 500, maxSessions: 0 }, 'nearCache.maxSessions is 0. Give a whole number from 1 to 1000000.'],
  [{ maxStaleMs: 500, maxStale: 1 }, 'There is no option nearCache.maxStale. Look for a misspelt name.'],
])('it refuses %o', (options, message) => {
  expect(() => nearCache(plainStore(), options as NearCacheOptions)).toThrow(message)
})

const createSessions = (store: SessionStore | string, options: object = { nearCache: { maxStaleMs: 500 } }) => {
  const adapter = { name: 'test', schemes: ['now', 'later'], open: openTest }
  const secret = 'a secret of at least thirty-two bytes'
  return createEngine({ secret, store, adapters: [adapter], cookie: { secure: false }, ...options })
}
let opened = richStore()
const openTest = (url: string): SessionStore | Promise<SessionStore> => {
  opened = richStore()
  return url.startsWith('now') ? opened.store : Promise.resolve(opened.store)
}

test.each(['now:', 'later:'])('as an option it goes over the store of a URL, which is %s open', async (url) => {
  const sessions = createSessions(url)
  await sessions.ready()
  const { store, listeners } = opened
  expect(listeners.size).toBe(1)
  await sessions.close()
  expect(listeners.size).toBe(0)
  expect(store.close).toHaveBeenCalledTimes(1)
})

test('as an option it goes over a store that the app gave, listens as long as the sessions are open, and leaves it open', async () => {
  const { store, listeners } = richStore()
  const sessions = createSessions(store)
  expect(listeners.size).toBe(1)
  await sessions.close()
  expect(listeners.size).toBe(0)
  expect(store.close).not.toHaveBeenCalled()
})

test('as an option it is refused over a near cache', () => {
  const cache = nearCache(plainStore(), { maxStaleMs: 500 })
  expect(() => createSessions(cache)).toThrow('nearCache: it is given a store that is made by nearCache.')
})

test('a store that the app gave a near cache is used as it is', async () => {
  const { store, listeners } = richStore()
  const sessions = createSessions(nearCache(store, { maxStaleMs: 500 }), {})
  await sessions.close()
  expect(listeners.size).toBe(1)
})
