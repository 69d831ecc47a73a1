import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createEngine } from './engine.js'
import { isStoreUnavailable } from './errors.js'
import { guard } from './guard.js'
import { OpeningStore } from './opening-store.js'
import { askReady } from './ready.js'
import type { Health, SessionStore } from './store.js'

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

test('health() says no until the store has answered, also after ready() gave up, and yes from then on', async () => {
  let isThere = false
  const ready = async (): Promise<void> => {
    if (!isThere) throw new Error('the clock is 7 s off.')
  }
  const sessions = createSessions(storeWith({ ready }))
  const gaveUp = expect(sessions.ready()).rejects.toSatisfy(isStoreUnavailable)
  await vi.advanceTimersByTimeAsync(60_000)
  await gaveUp
  expect(sessions.health()).toEqual({
    ok: false,
    reason: 'The session store has not answered yet: the clock is 7 s off.',
  })
  isThere = true
  await vi.advanceTimersByTimeAsync(250)
  expect(sessions.health()).toEqual({ ok: true })
  isThere = false
  await vi.advanceTimersByTimeAsync(60_000)
  expect(sessions.health()).toEqual({ ok: true })
  await sessions.close()
})

test('a store that does not say anything is not answered, and not asked again at once', async () => {
  const ready = vi.fn(() => new Promise<void>(() => {}))
  const sessions = createSessions(storeWith({ ready }))
  sessions.ready().catch(() => {})
  await vi.advanceTimersByTimeAsync(60_000)
  expect(sessions.health()).toEqual({
    ok: false,
    reason: 'The session store has not answered yet: it did not answer.',
  })
  expect(ready.mock.calls.length).toBeLessThan(7)
  await sessions.close()
})

test('health() is that of a store that has a say, at this moment', async () => {
  let health: Health = { ok: false, reason: 'filling.' }
  const sessions = createSessions(storeWith({ health: () => health }))
  await sessions.ready()
  expect(sessions.health()).toEqual({ ok: false, reason: 'filling.' })
  health = { ok: true }
  expect(sessions.health()).toEqual({ ok: true })
})

test('drain() turns health() at once, drains the store once, and waits for what is in flight', async () => {
  const steps: string[] = []
  let release = (): void => {}
  const write = () =>
    new Promise<{ written: true }>((resolve) => {
      release = () => resolve({ written: true })
    })
  const sessions = createSessions(storeWith({ write, drain: async () => void steps.push('the store') }))
  await sessions.ready()
  const created = sessions.create({})
  const drained = sessions.drain().then(() => steps.push('drained'))
  expect(sessions.health()).toEqual({ ok: false, reason: 'This process is leaving.' })
  await vi.advanceTimersByTimeAsync(100)
  expect(steps).toEqual(['the store'])
  release()
  await Promise.all([created, drained, sessions.drain()])
  expect(steps).toEqual(['the store', 'drained'])
  await sessions.close()
  expect(sessions.health()).toEqual({ ok: false, reason: 'These sessions were closed.' })
})

test('drain() finishes what is in flight also when the store cannot be drained, and says why', async () => {
  let release = (): void => {}
  const write = () =>
    new Promise<{ written: true }>((resolve) => {
      release = () => resolve({ written: true })
    })
  const sessions = createSessions(storeWith({ write, drain: () => Promise.reject(new Error('no peer is there.')) }))
  const created = sessions.create({})
  let isOver = false
  const drained = sessions.drain().finally(() => (isOver = true))
  const rejected = expect(drained).rejects.toThrow('no peer is there.')
  await vi.advanceTimersByTimeAsync(100)
  expect(isOver).toBe(false)
  release()
  await Promise.all([created, rejected])
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
