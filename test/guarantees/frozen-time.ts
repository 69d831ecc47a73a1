import { onTestFinished, vi } from 'vitest'
import { settle } from '../hold/fake-target.js'

const freeze = (): void => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
}

// The real one, for after it was replaced.
const wait = setTimeout

/**
 * Lets time go by for this test, unless it is frozen already, but not while a busy machine stands still: a second of that
 * is no store that does not answer. A tenth of a ms passes with each turn of the event loop; or, where answers come from
 * other processes, a ms with each ms in which this process ran.
 */
export function calmTime(pace: 'turns' | 'ms'): void {
  if (vi.isFakeTimers()) return
  freeze()
  let running = true
  const turn = (): void => {
    if (!running) return
    vi.advanceTimersByTime(pace === 'ms' ? 1 : 0.1)
    if (pace === 'ms') wait(turn, 1)
    else setImmediate(turn)
  }
  turn()
  onTestFinished(() => void (running = false))
}

/**
 * Freezes timers and the monotonic clock for this test, but not sockets: deadlines are met exactly, on a busy machine
 * too. The given function lets so many ms pass, and everything happen that can.
 */
export function freezeTime(): (ms: number) => Promise<void> {
  freeze()
  return async (ms) => {
    await settle()
    await vi.advanceTimersByTimeAsync(ms)
    await settle()
  }
}
