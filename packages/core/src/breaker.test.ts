import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Breaker } from './breaker.js'

describe('a breaker', () => {
  const changes: string[] = []
  let breaker: Breaker

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] })
    changes.length = 0
    breaker = new Breaker({ failures: 3, probeMs: 500, onChange: (state) => changes.push(state) })
  })
  afterEach(() => {
    vi.useRealTimers()
  })
  const open = (): void => {
    for (let n = 0; n < 3; n++) breaker.failed()
  }

  it('opens after three failures in a row', () => {
    breaker.failed()
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    breaker.failed()
    expect(breaker.admit()).toBe('call')
    breaker.failed()
    expect(breaker.admit()).toBe('refuse')
    expect(changes).toEqual(['opened'])
  })

  it('lets one probe through after its time, and closes when that is answered', () => {
    open()
    vi.advanceTimersByTime(499)
    expect(breaker.admit()).toBe('refuse')
    vi.advanceTimersByTime(1)
    expect([breaker.admit(), breaker.admit(), breaker.admit()]).toEqual(['probe', 'refuse', 'refuse'])
    breaker.succeeded()
    expect(breaker.admit()).toBe('call')
    expect(changes).toEqual(['opened', 'closed'])
  })

  it('waits again when the probe was not answered', () => {
    open()
    vi.advanceTimersByTime(500)
    breaker.admit()
    breaker.abandonProbe()
    expect(breaker.admit()).toBe('refuse')
    vi.advanceTimersByTime(500)
    expect(breaker.admit()).toBe('probe')
    expect(changes).toEqual(['opened'])
  })

  it('does not put off the probe for calls that were on their way and fail later', () => {
    open()
    vi.advanceTimersByTime(400)
    open()
    vi.advanceTimersByTime(100)
    expect(breaker.admit()).toBe('probe')
    breaker.failed()
    expect(breaker.admit()).toBe('refuse')
  })

  it('closes for a late success of a call from before', () => {
    open()
    breaker.succeeded()
    expect(breaker.admit()).toBe('call')
    expect(changes).toEqual(['opened', 'closed'])
  })
})
