import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CallGuard, type CallGuardOptions } from './call-guard.js'
import { StoreUnavailableError } from './errors.js'

class Reply extends Error {}

const refusal = (call: Promise<unknown>): Promise<StoreUnavailableError> =>
  call.then(
    () => expect.unreachable('answered'),
    (reason: unknown) => {
      expect(reason).toBeInstanceOf(StoreUnavailableError)
      return reason as StoreUnavailableError
    },
  )

describe('the guard of one server', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout', 'setImmediate'] }))
  afterEach(() => void vi.useRealTimers())

  function server(options: CallGuardOptions = {}) {
    const timeouts: number[] = []
    const calls: { resolve(value?: unknown): void; reject(error: unknown): void; ms: number }[] = []
    const guarded = new CallGuard('one', { onTimeout: (inARow) => timeouts.push(inARow), ...options })
    const call = (ms: number): Promise<unknown> => new Promise((resolve, reject) => calls.push({ resolve, reject, ms }))
    const time = async (): Promise<void> => {
      const timedOut = refusal(guarded.run('read', undefined, call))
      await vi.advanceTimersByTimeAsync(251)
      await timedOut
    }
    return { guarded, calls, call, timeouts, time, last: () => calls.at(-1) as (typeof calls)[number] }
  }

  it('counts the time-outs in a row, those of probes too', async () => {
    const { time, timeouts } = server()
    for (let n = 0; n < 3; n++) await time()
    await vi.advanceTimersByTimeAsync(500)
    await time()
    expect(timeouts).toEqual([1, 2, 3, 4])
  })

  it('starts to count anew after an answer, also a late one', async () => {
    const { guarded, call, last, time, timeouts, calls } = server({ failures: 99 })
    await time()
    await time()
    const answered = guarded.run('read', undefined, call)
    last().resolve('it')
    expect(await answered).toBe('it')
    await time()
    calls[0]?.resolve('late')
    await vi.advanceTimersByTimeAsync(0)
    await time()
    expect(timeouts).toEqual([1, 2, 1, 1])
  })

  it('takes an error that the server sent for an answer: no breaker opens', async () => {
    const { guarded, call, last, calls } = server({ isAnswer: (error) => error instanceof Reply })
    for (let n = 0; n < 9; n++) {
      const failed = refusal(guarded.run('write', undefined, call, call))
      const reply = new Reply('OOM')
      last().reject(reply)
      expect((await failed).cause).toBe(reply)
    }
    expect(calls).toHaveLength(9)
  })

  it('closes an open breaker with such an answer', async () => {
    const { guarded, call, last, time } = server({ isAnswer: (error) => error instanceof Reply })
    for (let n = 0; n < 3; n++) await time()
    await vi.advanceTimersByTimeAsync(500)
    const probe = refusal(guarded.run('read', undefined, call))
    last().reject(new Reply('LOADING'))
    await probe
    const next = guarded.run('read', undefined, call)
    last().resolve('it')
    expect(await next).toBe('it')
  })

  it('probes at once when told to', async () => {
    const { guarded, call, last, time, calls } = server()
    for (let n = 0; n < 3; n++) await time()
    expect((await refusal(guarded.run('read', undefined, call))).refused).toBe(true)
    guarded.probeNow()
    const probe = guarded.run('read', undefined, call)
    expect((await refusal(guarded.run('read', undefined, call))).refused).toBe(true)
    expect(calls).toHaveLength(4)
    last().resolve('it')
    expect(await probe).toBe('it')
  })

  it('is not disturbed by that while it is closed or probing', async () => {
    const { guarded, call, last, calls, time } = server()
    guarded.probeNow()
    for (let n = 0; n < 3; n++) await time()
    guarded.probeNow()
    const probe = guarded.run('read', undefined, call)
    guarded.probeNow()
    expect((await refusal(guarded.run('read', undefined, call))).refused).toBe(true)
    last().resolve('it')
    await probe
    expect(calls).toHaveLength(4)
  })

  it('tells a call how long it may take', async () => {
    const { guarded, call, last } = server()
    const calls = [guarded.run('read', undefined, call)]
    expect(last().ms).toBe(250)
    last().resolve()
    calls.push(guarded.run('read', { timeoutMs: 20 }, call))
    expect(last().ms).toBe(20)
    last().resolve()
    await Promise.all(calls)
  })
})
