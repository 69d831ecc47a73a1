export const EXPIRED = Symbol('expired')
export const ABORTED = Symbol('aborted')

/**
 * The answer of `call`, or `EXPIRED` after `ms`, or `ABORTED` with the signal: then its answer is ignored, and `onLate`
 * called if there is one. Rejects as the call does. An answer that has arrived while this process was busy still counts:
 * timers come before sockets in Node's event loop, so the time-out lets one turn of it go by.
 */
export function withDeadline<T>(
  call: () => Promise<T>,
  ms: number,
  signal: AbortSignal | undefined,
  onLate: () => void,
): Promise<T | typeof EXPIRED | typeof ABORTED> {
  return new Promise((resolve, reject) => {
    let waiting = true
    const end = (): void => {
      waiting = false
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
    const giveUp = (why: typeof EXPIRED | typeof ABORTED): void => {
      if (!waiting) return
      end()
      resolve(why)
    }
    const abort = (): void => giveUp(ABORTED)
    const answer = (value: T): void => {
      if (!waiting) return onLate()
      end()
      resolve(value)
    }
    const fail = (error: unknown): void => {
      if (!waiting) return
      end()
      reject(error as Error)
    }
    call().then(answer, fail)
    const timer = setTimeout(() => setImmediate(giveUp, EXPIRED), ms)
    timer.unref()
    signal?.addEventListener('abort', abort)
  })
}
