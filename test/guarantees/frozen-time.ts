import { onTestFinished, vi } from 'vitest'
import { settle } from '../hold/fake-target.js'

/**
 * Freezes timers and the monotonic clock for this test, but not sockets: deadlines are met exactly, on a busy machine
 * too. The given function lets so many ms pass, and everything happen that can.
 */
export function freezeTime(): (ms: number) => Promise<void> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
  return async (ms) => {
    await settle()
    await vi.advanceTimersByTimeAsync(ms)
    await settle()
  }
}
