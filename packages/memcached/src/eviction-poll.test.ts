import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { EvictionPoll } from './eviction-poll.js'

const events: unknown[] = []
const collect = (event: unknown) => void events.push(event)

beforeEach(() => {
  events.length = 0
  subscribe('holdfast:store', collect)
  vi.useFakeTimers()
})
afterEach(() => {
  unsubscribe('holdfast:store', collect)
  vi.useRealTimers()
})

/** Polls once for each answer, with use of the store before each. */
async function poll(...answers: (number | Error)[]) {
  const count = vi.fn(async () => {
    const answer = answers[count.mock.calls.length - 1] as number | Error
    if (answer instanceof Error) throw answer
    return answer
  })
  const evictions = new EvictionPoll('memcached', count)
  for (let times = 0; times < answers.length; times++) {
    evictions.noteUse()
    await vi.advanceTimersByTimeAsync(10_000)
  }
  expect(count).toHaveBeenCalledTimes(answers.length)
  return { evictions, count }
}

const evicted = (count: number) => ({ type: 'evicted', store: 'memcached', count })

test('reports what went since it was last asked, and not what went before this process came', async () => {
  await poll(7, 7, 10, 10, 11)
  expect(events).toEqual([evicted(3), evicted(1)])
})

test('a server that starts again counts from nothing', async () => {
  await poll(100, 0, 4, 2)
  expect(events).toEqual([evicted(4), evicted(2)])
})

test('a server that does not answer is asked again', async () => {
  await poll(1, new Error('away'), new Error('away'), 5)
  expect(events).toEqual([evicted(4)])
})

test('a store that nobody uses does not ask, so that its connection may go', async () => {
  const { count } = await poll(1)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(count).toHaveBeenCalledTimes(1)
})

test('stops with the store, and keeps no process alive', async () => {
  const setTimer = vi.spyOn(globalThis, 'setInterval')
  const { evictions, count } = await poll(1)
  expect(setTimer.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false])
  evictions.noteUse()
  evictions.stop()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(count).toHaveBeenCalledTimes(1)
})
