import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Budget, Pace } from './budget.js'

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => vi.useRealTimers())

describe('pace', () => {
  it('a process that stood still for minutes goes on: the next commit has time for a round', () => {
    const pace = new Pace()
    pace.add(600_000)
    expect(new Budget(pace).hasRound).toBe(true)
    for (let i = 0; i < 100; i++) pace.add(600_000)
    expect(new Budget(pace).hasRound).toBe(true)
  })
})

describe('budget', () => {
  it('is over when its time is, and says so once', () => {
    const end = vi.fn()
    const budget = new Budget(new Pace(), 600)
    budget.onEnd(end)
    vi.advanceTimersByTime(599)
    expect([budget.remainingMs, end.mock.calls.length]).toEqual([1, 0])
    vi.advanceTimersByTime(1_000)
    expect(end).toHaveBeenCalledTimes(1)
  })

  it('says nothing after it was told that nobody waits', () => {
    const end = vi.fn()
    new Budget(new Pace(), 600).onEnd(end)()
    vi.advanceTimersByTime(1_000)
    expect(end).not.toHaveBeenCalled()
  })

  it('does not count the time in which this process stood still', async () => {
    vi.useRealTimers()
    const end = vi.fn()
    const budget = new Budget(new Pace(), 200)
    budget.onEnd(end)
    const stopsAt = performance.now() + 500
    while (performance.now() < stopsAt);
    expect(budget.remainingMs).toBeGreaterThan(0)
    await new Promise((resolve) => setTimeout(resolve, 1))
    expect(end).not.toHaveBeenCalled()
    await vi.waitFor(() => expect(end).toHaveBeenCalledTimes(1), 20_000)
    expect(budget.remainingMs).toBeLessThanOrEqual(0)
  })
})
