import { onTestFinished, vi } from 'vitest'
import { settle } from '../hold/fake-target.js'

const freeze = (): void => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
}

/**
 * Lets a tenth of a ms pass with each turn of the event loop, for this test, unless its time is frozen already: when a busy
 * machine stands still for a second, that is no store that does not answer.
 */
export function calmTime(): void {
  if (vi.isFakeTimers()) return
  freeze()
  let running = true
  const turn = (): void => {
    if (!running) return
    vi.advanceTimersByTime(0.1)
    setImmediate(turn)
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
