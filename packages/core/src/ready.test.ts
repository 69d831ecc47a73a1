import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createEngine } from './engine.js'
import { isStoreUnavailable } from './errors.js'
import { guard } from './guard.js'
import { OpeningStore } from './opening-store.js'
import { askReady } from './ready.js'
import type { SessionStore } from './store.js'

const storeWith = (parts: Partial<SessionStore>): SessionStore => ({
  name: 'test',
  read: async () => undefined,
  write: async () => ({ written: true }),
  touch: async () => ({ written: true }),
  close: async () => {},
  ...parts,
})

const createSessions = (store: SessionStore) =>
  createEngine({ secret: 'a secret of at least thirty-two bytes', store, cookie: { secure: false } })

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('ready() asks the store until it says yes, and reads nothing', async () => {
  const read = vi.fn(async () => undefined)
  const ready = vi.fn(async (): Promise<void> => {
    if (ready.mock.calls.length < 4) throw new Error('the clock is 7 s off.')
  })
  const sessions = createSessions(storeWith({ read, ready }))
  await vi.advanceTimersByTimeAsync(1_000)
  await sessions.ready()
  expect(ready).toHaveBeenCalledTimes(4)
  expect(read).not.toHaveBeenCalled()
})

test('ready() rejects after 10 s with what the store said last', async () => {
  const ready = async (): Promise<void> => {
    throw new Error('the clock is 7 s off.')
  }
  const rejected = expect(createSessions(storeWith({ ready })).ready()).rejects.toThrow(
    'The session store is not ready after 10 s: the clock is 7 s off.',
  )
  await vi.advanceTimersByTimeAsync(11_000)
  await rejected
})

test('ready() rejects after 10 s when the store says nothing', async () => {
  const rejected = expect(createSessions(storeWith({ ready: () => new Promise(() => {}) })).ready()).rejects.toSatisfy(
    isStoreUnavailable,
  )
  await vi.advanceTimersByTimeAsync(11_000)
  await rejected
})

test('a store that cannot say whether it is ready is asked for a key', async () => {
  const read = vi.fn(async () => undefined)
  await createSessions(storeWith({ read })).ready()
  expect(read).toHaveBeenCalledTimes(1)
})

test('a guarded store, and one that is still being opened, pass the question on', async () => {
  const ready = vi.fn(async () => {})
  const guarded = guard(storeWith({ ready }))
  await askReady(guarded)
  await askReady(
    new OpeningStore({ open: async () => guarded }, 'test:', { clock: Date.now, idleMs: 1, absoluteMs: 1 }),
    {
      timeoutMs: 100,
    },
  )
  expect(ready.mock.calls).toEqual([[undefined], [{ timeoutMs: 100 }]])
})
