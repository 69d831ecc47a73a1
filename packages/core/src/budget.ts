export const STORE_CALL_MS = 250
export const COMMIT_MS = 600

/**
 * How long a call to the store takes these days: a moving average in ms. Shared by all commits of an engine, which alone
 * teach it: what a request reads may come from a near cache.
 */
export class Pace {
  #average = 1

  get ms(): number {
    return this.#average
  }

  /** Takes no call for slower than it may be: one that was answered while this process stood still says nothing. */
  add(ms: number): void {
    this.#average += (Math.min(ms, STORE_CALL_MS) - this.#average) / 8
  }
}

/** The time that one commit has in all: queue, rounds, copies and settling. Monotonic. */
export class Budget {
  readonly #endsAt: number
  readonly #pace: Pace

  constructor(pace: Pace, ms: number = COMMIT_MS) {
    this.#pace = pace
    this.#endsAt = performance.now() + ms
  }

  get remainingMs(): number {
    return this.#endsAt - performance.now()
  }

  /** False when one more call could not end in time. */
  get hasRound(): boolean {
    return this.remainingMs > Math.max(2, 2 * this.#pace.ms)
  }

  /** What one call may take now. */
  get callMs(): number {
    return Math.max(1, Math.min(STORE_CALL_MS, this.remainingMs))
  }

  /** Runs one call to the store and learns its pace from it. */
  async call<T>(run: (options: { readonly timeoutMs: number }) => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    const result = await run({ timeoutMs: this.callMs })
    this.#pace.add(performance.now() - startedAt)
    return result
  }

  /** Waits at most two round trips, so that rivals for one session do not meet again at once. */
  async jitter(): Promise<void> {
    const ms = Math.min(Math.random() * 2 * this.#pace.ms, this.remainingMs)
    if (ms < 0.5) return new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setTimeout(resolve, ms))
  }
}
