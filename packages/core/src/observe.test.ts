import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, expect, test, vi } from 'vitest'
import { SessionTooLargeError, StoreUnavailableError } from './errors.js'
import { observe } from './observe.js'
import type { SessionRecord, SessionStore, WriteOutcome } from './store.js'

const RECORD: SessionRecord = { data: '{}', revision: 1, tag: 'abcdefgh', expiresAt: 2_000 }
const CALL = { timeoutMs: 7 }

/** A store that gives these answers. */
const storeOf = ({ found, outcome }: { found?: SessionRecord | Error; outcome?: WriteOutcome | Error }) => {
  const answer = <T>(value: T | Error) =>
    vi.fn(async () => {
      if (value instanceof Error) throw value
      return value
    })
  const written = outcome ?? { written: true as const }
  return {
    name: 'test',
    guarded: true,
    read: answer(found),
    write: answer(written),
    touch: answer(written),
    close: vi.fn(async () => {}),
  } satisfies SessionStore
}

const heard: unknown[] = []
const listen = (event: unknown): void => void heard.push(event)
afterEach(() => {
  unsubscribe('holdfast:call', listen)
  heard.length = 0
})

const event = (operation: string, outcome: string) => ({
  store: 'test',
  operation,
  durationMs: expect.any(Number) as number,
  outcome,
})

test.each([
  ['hit', RECORD],
  ['miss', undefined],
  ['tombstone', { ...RECORD, data: null }],
  ['unavailable', new StoreUnavailableError('no answer')],
  ['refused', new StoreUnavailableError('not sent', { refused: true })],
  ['failed', new Error('broken')],
])('a read that ends with %s is one event', async (outcome, found) => {
  subscribe('holdfast:call', listen)
  const read = observe(storeOf(found ? { found } : {})).read('a key', CALL)
  await (found instanceof Error ? expect(read).rejects.toBe(found) : expect(read).resolves.toBe(found))
  expect(heard).toEqual([event('read', outcome)])
})

test.each([
  ['written', { written: true as const }],
  ['conflict', { written: false as const, current: RECORD }],
  ['failed', new SessionTooLargeError(2, 1)],
])('a write and a touch that end with %s are an event each', async (outcome, answer) => {
  subscribe('holdfast:call', listen)
  const store = observe(storeOf({ outcome: answer }))
  for (const call of [store.write('a key', RECORD, 'absent'), store.touch('a key', RECORD, 3_000)])
    await (answer instanceof Error ? expect(call).rejects.toBe(answer) : expect(call).resolves.toBe(answer))
  expect(heard).toEqual([event('write', outcome), event('touch', outcome)])
})

test('the time is that from the call to its end', async () => {
  subscribe('holdfast:call', listen)
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] })
  const slow = {
    ...storeOf({}),
    read: () => new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 40)),
  }
  const read = observe(slow).read('a key')
  await vi.advanceTimersByTimeAsync(40)
  await read
  vi.useRealTimers()
  expect(heard).toEqual([{ ...event('read', 'miss'), durationMs: 40 }])
})

test('without a subscriber a call is the very call of the store below', async () => {
  const below = storeOf({ found: RECORD })
  const store = observe(below)
  const read = store.read('a key', CALL)
  expect(read).toBe(below.read.mock.results[0]?.value)
  await store.write('a key', RECORD, { replaces: RECORD }, CALL)
  await store.touch('a key', RECORD, 3_000, CALL)
  await store.close()
  expect(below.read).toHaveBeenCalledWith('a key', CALL)
  expect(below.write).toHaveBeenCalledWith('a key', RECORD, { replaces: RECORD }, CALL)
  expect(below.touch).toHaveBeenCalledWith('a key', RECORD, 3_000, CALL)
  expect(below.close).toHaveBeenCalledTimes(1)
  expect(store.guarded).toBe(true)
})

test('a store is observed once, however often it is asked for', async () => {
  subscribe('holdfast:call', listen)
  await observe(observe(storeOf({}))).read('a key')
  expect(heard).toHaveLength(1)
})
