export const STORE_CALL_MS = 250
export const COMMIT_MS = 600

const TURN_MS = 10
/** A turn of the event loop that takes no longer is no standstill. */
const LONG_TURN_MS = 20
const UNASKED_MS = 1_000

/**
 * How long this process stood still: its event loop did not turn, because it was busy or got no CPU, so that no answer
 * could be taken. The store is not to blame for that. Watched while somebody asks, once a second at least.
 */
class Standstill {
  #timer: NodeJS.Timeout | undefined
  #turnedAt = 0
  #askedAt = 0
  #ms = 0

  /** In all, up to now. */
  get ms(): number {
    const now = performance.now()
    if (!this.#timer) this.#watch(now)
    this.#askedAt = now
    return this.#upTo(now)
  }

  #upTo(now: number): number {
    return this.#ms + Math.max(0, now - this.#turnedAt - LONG_TURN_MS)
  }

  #watch(now: number): void {
    this.#turnedAt = now
    this.#timer = setTimeout(() => this.#turn(), TURN_MS).unref()
  }

  #turn(): void {
    const now = performance.now()
    this.#ms = this.#upTo(now)
    this.#timer = undefined
    if (now - this.#askedAt < UNASKED_MS) this.#watch(now)
  }
}

/**
 * How long a call to the store takes these days: a moving average in ms. Shared by all commits of an engine, which alone
 * teach it: what a request reads may come from a near cache.
 */
export class Pace {
  readonly standstill = new Standstill()
  #average = 1

  get ms(): number {
    return this.#average
  }

  /** Takes no call for slower than it may be: one that was answered while this process stood still says nothing. */
  add(ms: number): void {
    this.#average += (Math.min(ms, STORE_CALL_MS) - this.#average) / 8
  }
}

/**
 * The time that one commit has in all: queue, rounds, copies and settling. Monotonic; time in which this process stood
 * still does not count.
 */
export class Budget {
  readonly #pace: Pace
  readonly #endsAt: number
  #isUnanswered = false

  constructor(pace: Pace, ms: number = COMMIT_MS) {
    this.#pace = pace
    this.#endsAt = this.#now() + ms
  }

  get remainingMs(): number {
    return this.#endsAt - this.#now()
  }

  /** Calls `end` when the time is over, unless the returned function is called before. */
  onEnd(end: () => void): () => void {
    let timer: NodeJS.Timeout
    const wait = (): void => {
      timer = setTimeout(() => (this.remainingMs > 0 ? wait() : end()), Math.max(1, this.remainingMs))
    }
    wait()
    return () => clearTimeout(timer)
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
    const startedAt = this.#now()
    this.#isUnanswered = true
    const result = await run({ timeoutMs: this.callMs })
    this.#isUnanswered = false
    this.#pace.add(this.#now() - startedAt)
    return result
  }

  /** The last call has no answer, or failed. */
  get isUnanswered(): boolean {
    return this.#isUnanswered
  }

  /** Waits at most two round trips, so that rivals for one session do not meet again at once. */
  async jitter(): Promise<void> {
    const ms = Math.min(Math.random() * 2 * this.#pace.ms, this.remainingMs)
    if (ms < 0.5) return new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setTimeout(resolve, ms))
  }

  #now(): number {
    return performance.now() - this.#pace.standstill.ms
  }
}
