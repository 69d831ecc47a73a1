import { STORE_CALL_MS } from './budget.js'
import { StoreUnavailableError } from './errors.js'
import type { CallOptions } from './store.js'

/** The time of one call to a combinator, which it shares among its calls to stores. */
export class CallTime {
  readonly #endsAt: number
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
    const left = this.#endsAt - performance.now()
    if (left <= 0) throw new StoreUnavailableError(`${this.#name}: no time is left for one more store.`)
    return { ...this.#options, timeoutMs: Math.max(1, hasOthers ? left * 0.6 : left) }
  }
}
