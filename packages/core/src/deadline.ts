export const EXPIRED = Symbol('expired')
export const ABORTED = Symbol('aborted')

/** A time-out is waited for in so many parts. */
const PARTS = 4

/**
 * The answer of `call`, or `EXPIRED` after `ms`, or `ABORTED` with the signal: then its answer is ignored, and `onLate`
 * called if there is one. Rejects as the call does. Time in which this process is too busy to take answers hardly counts.
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
      cancel()
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
    const cancel = after(ms, () => giveUp(EXPIRED))
    signal?.addEventListener('abort', abort)
  })
}

/**
 * Calls `then` after `ms`, unless the returned function is called before. A turn of the event loop counts as a quarter of
 * that at most, however long it takes: a call that was made in a long one is sent at its end, and answered in the next. As
 * timers come before sockets, the last turn ends before the time does.
 */
function after(ms: number, then: () => void): () => void {
  const part = Math.ceil(ms / PARTS)
  let left = ms
  let timer: NodeJS.Timeout
  const wait = (): void => {
    if (left <= 0) return void setImmediate(then)
    timer = setTimeout(wait, Math.min(part, left)).unref()
    left -= part
  }
  wait()
  return () => clearTimeout(timer)
}
