import { STORE_CALL_MS } from './budget.js'
import { StoreUnavailableError } from './errors.js'
import type { CallOptions } from './store.js'

/**
 * The time of one call to a combinator, which it shares among its calls to stores. A store that took longer than it was
 * given answered while this process stood still: the time beyond that does not count.
 */
export class CallTime {
  #endsAt: number
  /** When what the last call was given is over. */
  #givenUntil = Infinity
  readonly #options: CallOptions
  readonly #name: string

  constructor(name: string, options: CallOptions = {}) {
    this.#name = name
    this.#options = options
    this.#endsAt = performance.now() + Math.min(STORE_CALL_MS, options.timeoutMs ?? STORE_CALL_MS)
  }

  /** Options of the next call to a store. Where others could be asked after it, it leaves two fifths of the time to them. */
  next(hasOthers: boolean): CallOptions {
    const { signal } = this.#options
    if (signal?.aborted)
      throw new StoreUnavailableError(`${this.#name}: the call was aborted.`, { cause: signal.reason, refused: true })
    const now = performance.now()
    this.#endsAt += Math.max(0, now - this.#givenUntil)
    const left = this.#endsAt - now
    if (left <= 0) throw new StoreUnavailableError(`${this.#name}: no time is left for one more store.`)
    const timeoutMs = Math.max(1, hasOthers ? left * 0.6 : left)
    this.#givenUntil = now + timeoutMs
    return { ...this.#options, timeoutMs }
  }
}
