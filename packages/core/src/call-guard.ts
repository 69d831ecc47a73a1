import { Breaker } from './breaker.js'
import { ABORTED, EXPIRED, withDeadline } from './deadline.js'
import { ConfigError, isHoldfastError, isStoreUnavailable, StoreUnavailableError } from './errors.js'
import { publishStore, type StoreOperation } from './events.js'
import type { CallOptions } from './store.js'

export interface GuardOptions {
  /** What a call may take, unless its `timeoutMs` is less. Default 250. */
  readonly deadlineMs?: number | undefined
  /** Calls at one time; more are refused. A call that was given up no longer counts. Default 10,000. */
  readonly maxInFlight?: number | undefined
  /** Failures in a row after which calls are refused at once. Default 3. */
  readonly failures?: number | undefined
  /** From then on, one read is let through each so many ms, until one is answered. Default 500. */
  readonly probeMs?: number | undefined
}

export interface CallGuardOptions extends GuardOptions {
  /** True for a rejection that is an answer all the same, such as an error that the server sent: it opens no breaker. */
  readonly isAnswer?: ((error: unknown) => boolean) | undefined
  /** Called when a call or a probe had no answer in time, with how many had none in a row. Any answer, a late one too, ends it. */
  readonly onTimeout?: ((inARow: number) => void) | undefined
}

/** A call to the server, with the ms that it may take. */
type Call<T> = (ms: number) => Promise<T>

/** Bounds the calls to one server, as `guard` does for a store that is one server. For stores that are `guarded`. */
export class CallGuard {
  readonly #name: string
  readonly #deadlineMs: number
  readonly #maxInFlight: number
  readonly #breaker: Breaker
  readonly #isAnswer: (error: unknown) => boolean
  readonly #onTimeout: (inARow: number) => void
  #inFlight = 0
  #timeouts = 0

  /** `store` is its name in events and messages. */
  constructor(store: string, options: CallGuardOptions = {}) {
    const { deadlineMs = 250, maxInFlight = 10_000, failures = 3, probeMs = 500 } = options
    assertPositive({ deadlineMs, maxInFlight, failures, probeMs })
    const onChange = (state: 'opened' | 'closed'): void => publishStore({ type: `breaker-${state}`, store })
    this.#name = store
    this.#deadlineMs = deadlineMs
    this.#maxInFlight = maxInFlight
    this.#breaker = new Breaker({ failures, probeMs, onChange })
    this.#isAnswer = options.isAnswer ?? (() => false)
    this.#onTimeout = options.onTimeout ?? (() => {})
  }

  /** Calls that have no answer yet and were not given up. */
  get inFlight(): number {
    return this.#inFlight
  }

  /**
   * Sends a call, or rejects with `refused`. A call with a `probe` is a write and must not be the probe, as its outcome
   * would be unknown: where the breaker wants one, `probe`, a read, goes first, within the same deadline.
   */
  run<T>(op: StoreOperation, options: CallOptions | undefined, call: Call<T>, probe?: Call<unknown>): Promise<T> {
    const signal = options?.signal
    const ms = Math.min(this.#deadlineMs, options?.timeoutMs ?? this.#deadlineMs)
    if (signal?.aborted) return this.#refuse(`the ${op} was given up before it was sent`, signal.reason)
    if (this.#inFlight >= this.#maxInFlight)
      return this.#refuse(`${this.#inFlight} calls are in flight; no ${op} is sent`)
    const admitted = this.#breaker.admit()
    if (admitted === 'refuse') return this.#refuse(`the last calls failed; no ${op} is sent until a probe is answered`)
    if (admitted === 'call') return this.#send(op, ms, signal, call, false)
    return probe ? this.#probeFirst(op, ms, signal, call, probe) : this.#send(op, ms, signal, call, true)
  }

  /** The server may be there again, for it took a new connection: the next call is a probe. */
  probeNow(): void {
    this.#breaker.probeNow()
  }

  async #probeFirst<T>(
    op: StoreOperation,
    ms: number,
    signal: AbortSignal | undefined,
    call: Call<T>,
    probe: Call<unknown>,
  ): Promise<T> {
    const endsAt = performance.now() + ms
    try {
      await this.#send('read', ms, signal, probe, true)
    } catch (error) {
      return this.#refuse(`a probe failed, so the ${op} was not sent`, error)
    }
    return this.#send(op, Math.max(1, endsAt - performance.now()), signal, call, false)
  }

  #refuse(why: string, cause?: unknown): Promise<never> {
    return Promise.reject(new StoreUnavailableError(`${this.#name}: ${why}.`, { cause, refused: true }))
  }

  #send<T>(
    op: StoreOperation,
    ms: number,
    signal: AbortSignal | undefined,
    call: Call<T>,
    isProbe: boolean,
  ): Promise<T> {
    const onLate = (): void => {
      this.#timeouts = 0
      publishStore({ type: 'late-reply', store: this.#name, operation: op })
    }
    this.#inFlight += 1
    return withDeadline(() => call(ms), ms, signal, onLate).then(
      (answer) => {
        this.#inFlight -= 1
        if (answer === EXPIRED) throw this.#expired(op, ms, isProbe)
        if (answer === ABORTED) throw this.#aborted(op, signal, isProbe)
        this.#answered()
        return answer
      },
      (error: unknown) => {
        this.#inFlight -= 1
        throw this.#failed(op, error, isProbe)
      },
    )
  }

  #answered(): void {
    this.#timeouts = 0
    this.#breaker.succeeded()
  }

  #expired(op: StoreOperation, ms: number, isProbe: boolean): StoreUnavailableError {
    publishStore({ type: 'timeout', store: this.#name, operation: op })
    this.#countFailure(isProbe)
    this.#timeouts += 1
    this.#onTimeout(this.#timeouts)
    return new StoreUnavailableError(`${this.#name}: no answer to a ${op} within ${Math.round(ms)} ms.`)
  }

  #aborted(op: StoreOperation, signal: AbortSignal | undefined, isProbe: boolean): StoreUnavailableError {
    if (isProbe) this.#breaker.abandonProbe()
    const message = `${this.#name}: the ${op} was given up before it was answered.`
    return new StoreUnavailableError(message, { cause: signal?.reason })
  }

  #failed(op: StoreOperation, error: unknown, isProbe: boolean): Error {
    if (isHoldfastError(error) && !isStoreUnavailable(error)) {
      if (isProbe) this.#breaker.abandonProbe()
      return error
    }
    if (this.#isAnswer(error)) this.#answered()
    else this.#countFailure(isProbe)
    if (isStoreUnavailable(error)) return error
    return new StoreUnavailableError(`${this.#name}: the ${op} failed.`, { cause: error })
  }

  #countFailure(isProbe: boolean): void {
    if (isProbe) this.#breaker.abandonProbe()
    else this.#breaker.failed()
  }
}

function assertPositive(options: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(options))
    if (!(value > 0)) throw new ConfigError(`guard: ${name} is ${value}; it must be a number above 0.`)
}
