import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { findAdapter } from './adapters.js'
import { isStoreUnavailable } from './errors.js'
import { OpeningStore } from './opening-store.js'
import type { SessionStore } from './store.js'

const emptyStore = (): SessionStore => ({
  name: 'empty',
  guarded: true,
  read: async () => undefined,
  write: async () => ({ written: true }),
  touch: async () => ({ written: true }),
  close: async () => {},
})

const context = { clock: () => 0, idleMs: 1, absoluteMs: 1 }
const url = 'slow://user:secret@server'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('a store that is being opened', () => {
  test('lets calls wait, and answers them once it is open', async () => {
    let open = (_: SessionStore): void => {}
    const opened = new Promise<SessionStore>((resolve) => (open = resolve))
    const store = new OpeningStore({ open: () => opened }, url, context)
    const read = store.read('key')
    open(emptyStore())
    expect(await read).toBeUndefined()
    expect(store.name).toBe('empty')
    await store.close()
  })

  test('refuses what waited for 250 ms', async () => {
    const store = new OpeningStore({ open: () => new Promise<never>(() => {}) }, url, context)
    const refused = expect(store.read('key')).rejects.toSatisfy(isStoreUnavailable)
    await vi.advanceTimersByTimeAsync(250)
    await refused
  })

  test('is tried again after each failure, and then answers', async () => {
    let attempts = 0
    const open = async (): Promise<SessionStore> => {
      if (++attempts < 4) throw new Error('refused')
      return emptyStore()
    }
    const store = new OpeningStore({ open }, url, context)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(attempts).toBe(4)
    expect(await store.read('key')).toBeUndefined()
    await store.close()
  })

  test('is not tried again after it was closed', async () => {
    const open = vi.fn(() => Promise.reject(new Error('refused')))
    const store = new OpeningStore({ open }, url, context)
    await vi.advanceTimersByTimeAsync(10)
    await store.close()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(open).toHaveBeenCalledTimes(1)
    await expect(store.read('key')).rejects.toSatisfy(isStoreUnavailable)
  })
})

describe('the adapter of a URL', () => {
  test('of an unknown scheme is an error that names those that are known', () => {
    expect(() => findAdapter('mongo://server', [])).toThrow("no store has the scheme 'mongo:'. Known schemes: memory")
  })

  test('of what is no URL is an error without its password', () => {
    expect(() => findAdapter('//user:secret@server', [])).toThrow(/"\/\/\*\*\*@server" is not a store URL/)
  })

  test('is the one that was given, before any package', () => {
    const store = emptyStore()
    const mine = { name: 'mine', schemes: ['memory'], open: () => store }
    expect(findAdapter('memory:', [mine]).open('memory:', context)).toBe(store)
  })
})
