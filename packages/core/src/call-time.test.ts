import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { CallTime } from './call-time.js'

beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => vi.useRealTimers())

test('calls share the time, and the last that has others after it leaves two fifths', () => {
  const time = new CallTime('replicate')
  expect(time.next(true).timeoutMs).toBe(150)
  vi.advanceTimersByTime(150)
  expect(time.next(false).timeoutMs).toBe(100)
  vi.advanceTimersByTime(100)
  expect(() => time.next(false)).toThrow('replicate: no time is left for one more store.')
})

test('what an answer took beyond its time, as this process stood still, is not taken from the next', () => {
  const time = new CallTime('replicate', { timeoutMs: 100 })
  expect(time.next(true).timeoutMs).toBe(60)
  vi.advanceTimersByTime(5_000)
  expect(time.next(false).timeoutMs).toBe(40)
})
