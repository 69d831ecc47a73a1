import { afterEach, expect, test, vi } from 'vitest'
import { keepConnected, pauseMs } from './dial.js'

afterEach(() => vi.useRealTimers())

test('pauses grow from 50 ms to at most a second, and are not the same twice', () => {
  for (let failures = 1; failures <= 40; failures++) {
    const pauses = Array.from({ length: 50 }, () => pauseMs(failures))
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(50)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(Math.min(1_000, 50 * 2 ** failures))
    expect(new Set(pauses).size).toBeGreaterThan(10)
  }
  expect(Math.max(...Array.from({ length: 200 }, () => pauseMs(20)))).toBeGreaterThan(700)
})

test('after a good connection the next is made at once, after a bad one there is a pause', async () => {
  const stop = new AbortController()
  const lasted = [5_000, 1_000, 999, 0, 0]
  const at: number[] = []
  await keepConnected(async () => {
    at.push(performance.now())
    if (at.length === lasted.length) stop.abort()
    return lasted[at.length - 1] ?? 0
  }, stop.signal)
  const gaps = at.slice(1).map((time, index) => time - (at[index] as number))
  expect(gaps.map((gap) => gap >= 49)).toEqual([false, false, true, true])
})

test('it ends in the middle of a pause', async () => {
  const stop = new AbortController()
  let attempts = 0
  const ended = keepConnected(async () => {
    attempts += 1
    setImmediate(() => stop.abort())
    return 0
  }, stop.signal)
  const startedAt = performance.now()
  await ended
  expect(attempts).toBe(1)
  expect(performance.now() - startedAt).toBeLessThan(50)
})
