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
