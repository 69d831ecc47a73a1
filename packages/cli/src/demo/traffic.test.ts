import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Traffic } from './traffic.js'

const MINUTE = 60_000
let clicks: number
let traffic: Traffic

beforeEach(() => {
  vi.useFakeTimers()
  clicks = 0
  traffic = new Traffic(async () => void clicks++)
})
afterEach(() => vi.useRealTimers())

test('visitors click while somebody watches, and only then', async () => {
  await vi.advanceTimersByTimeAsync(MINUTE)
  expect(clicks).toBe(0)
  const stopWatching = traffic.watch()
  await vi.advanceTimersByTimeAsync(1_199)
  expect(clicks).toBe(0)
  await vi.advanceTimersByTimeAsync(1 + 9 * 350)
  expect(clicks).toBe(10)
  stopWatching()
  await vi.advanceTimersByTimeAsync(MINUTE)
  expect(clicks).toBe(10)
})

test('a second watcher does not make them click twice as fast', async () => {
  traffic.watch()
  traffic.watch()
  await vi.advanceTimersByTimeAsync(1_200 + 9 * 350)
  expect(clicks).toBe(10)
})

test('a pause stops them, and they go on after it', async () => {
  traffic.watch()
  await vi.advanceTimersByTimeAsync(1_200)
  await traffic.pause()
  expect(traffic.running).toBe(false)
  await vi.advanceTimersByTimeAsync(MINUTE)
  expect(clicks).toBe(1)
  traffic.run()
  await vi.advanceTimersByTimeAsync(350)
  expect(clicks).toBe(2)
})

test('20 clicks on demand are 20 clicks, in the pause too', async () => {
  traffic.watch()
  await traffic.pause()
  traffic.burst(20)
  await vi.advanceTimersByTimeAsync(20 * 60)
  expect(clicks).toBe(20)
  await vi.advanceTimersByTimeAsync(MINUTE)
  expect(clicks).toBe(20)
})

test('a burst pressed twice is both of them', async () => {
  await traffic.pause()
  traffic.burst(20)
  await vi.advanceTimersByTimeAsync(5 * 60)
  traffic.burst(20)
  await vi.advanceTimersByTimeAsync(MINUTE)
  expect(clicks).toBe(40)
})

test('nobody clicks while something is changed, nor right after it', async () => {
  traffic.watch()
  await vi.advanceTimersByTimeAsync(1_200)
  let finish = (): void => {}
  const changed = traffic.between(() => new Promise((resolve) => (finish = resolve)))
  await vi.advanceTimersByTimeAsync(MINUTE)
  expect(clicks).toBe(1)
  finish()
  await changed
  await vi.advanceTimersByTimeAsync(0)
  const waiting = clicks
  await vi.advanceTimersByTimeAsync(300)
  expect(clicks).toBe(waiting)
})

test('a change that fails is reported to who asked for it, and the clicks go on', async () => {
  traffic.watch()
  await expect(traffic.between(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  await vi.advanceTimersByTimeAsync(2_000)
  expect(clicks).toBeGreaterThan(0)
})
