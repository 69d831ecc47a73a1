import { Breaker } from './breaker.js'
import { ABORTED, EXPIRED, withDeadline } from './deadline.js'
import { ConfigError, isHoldfastError, isStoreUnavailable, StoreUnavailableError } from './errors.js'
import { publishStore, type StoreOperation } from './events.js'
import { askReady } from './ready.js'
import { type CallOptions, listsKeys, type ReportsChanges, reportsChanges, type SessionStore } from './store.js'

export interface GuardOptions {
  /** What a call may take, unless its `timeoutMs` is less. Default 250. */
  readonly deadlineMs?: number
  /** Calls at one time; more are refused. A call that was given up no longer counts. Default 1,000. */
  readonly maxInFlight?: number
  /** Failures in a row after which calls are refused at once. Default 3. */
  readonly failures?: number
  /** From then on, one read is let through each so many ms, until one is answered. Default 500. */
  readonly probeMs?: number
}

/**
 * Bounds the calls to a store that does not do so itself: deadline, abort signal, breaker, cap on calls in flight. Every
 * failure is a `StoreUnavailableError`, with `refused` where the call was never sent; other errors of Holdfast, such as
 * `SessionTooLargeError`, pass. `keys()`, `ready()` and `close()` are not bounded. A store that is `guarded` is returned as
 * it is.
 */
export function guard(store: SessionStore, options: GuardOptions = {}): SessionStore {
  if (store.guarded) return store
  const calls = new BoundedCalls(store, options)
  return {
    name: store.name,
    guarded: true,
    read: (key, call) => calls.run('read', key, call, () => store.read(key, call)),
    write: (key, record, condition, call) =>
      calls.run('write', key, call, () => store.write(key, record, condition, call)),
    touch: (key, record, expiresAt, call) =>
      calls.run('touch', key, call, () => store.touch(key, record, expiresAt, call)),
    close: () => store.close(),
    ...(store.ready && { ready: (call?: CallOptions) => askReady(store, call) }),
    ...(listsKeys(store) && { keys: (call?: CallOptions) => store.keys(call) }),
    ...(reportsChanges(store) && { onChange: (listener: ChangeListener) => store.onChange(listener) }),
  } satisfies SessionStore
}

type ChangeListener = Parameters<ReportsChanges['onChange']>[0]

class BoundedCalls {
  readonly #store: SessionStore
  readonly #deadlineMs: number
  readonly #maxInFlight: number
  readonly #breaker: Breaker
  #inFlight = 0

  constructor(store: SessionStore, options: GuardOptions) {
    const { deadlineMs = 250, maxInFlight = 1_000, failures = 3, probeMs = 500 } = options
    assertPositive({ deadlineMs, maxInFlight, failures, probeMs })
    const onChange = (state: 'opened' | 'closed'): void => publishStore({ type: `breaker-${state}`, store: store.name })
    this.#store = store
    this.#deadlineMs = deadlineMs
    this.#maxInFlight = maxInFlight
    this.#breaker = new Breaker({ failures, probeMs, onChange })
  }

  run<T>(op: StoreOperation, key: string, options: CallOptions | undefined, call: () => Promise<T>): Promise<T> {
    const signal = options?.signal
    const ms = Math.min(this.#deadlineMs, options?.timeoutMs ?? this.#deadlineMs)
    if (signal?.aborted) return this.#refuse(`the ${op} was given up before it was sent`, signal.reason)
    if (this.#inFlight >= this.#maxInFlight)
      return this.#refuse(`${this.#inFlight} calls are in flight; no ${op} is sent`)
    const admitted = this.#breaker.admit()
    if (admitted === 'refuse') return this.#refuse(`the last calls failed; no ${op} is sent until a probe is answered`)
    if (admitted === 'call') return this.#send(op, ms, signal, call, false)
    return op === 'read' ? this.#send(op, ms, signal, call, true) : this.#probeFirst(op, key, ms, signal, call)
  }

  /** A write must not be the probe, its outcome would be unknown: a read of its key goes first, within the same deadline. */
  async #probeFirst<T>(
    op: StoreOperation,
    key: string,
    ms: number,
    signal: AbortSignal | undefined,
    call: () => Promise<T>,
  ): Promise<T> {
    const endsAt = performance.now() + ms
    try {
      await this.#send('read', ms, signal, () => this.#store.read(key, { signal, timeoutMs: ms }), true)
    } catch (error) {
      return this.#refuse(`a probe failed, so the ${op} was not sent`, error)
    }
    return this.#send(op, Math.max(1, endsAt - performance.now()), signal, call, false)
  }

  #refuse(why: string, cause?: unknown): Promise<never> {
    return Promise.reject(new StoreUnavailableError(`${this.#store.name}: ${why}.`, { cause, refused: true }))
  }

  #send<T>(
    op: StoreOperation,
    ms: number,
    signal: AbortSignal | undefined,
    call: () => Promise<T>,
    isProbe: boolean,
  ): Promise<T> {
    const onLate = (): void => publishStore({ type: 'late-reply', store: this.#store.name, operation: op })
    this.#inFlight += 1
    return withDeadline(call, ms, signal, onLate).then(
      (answer) => {
        this.#inFlight -= 1
        if (answer === EXPIRED) throw this.#expired(op, ms, isProbe)
        if (answer === ABORTED) throw this.#aborted(op, signal, isProbe)
        this.#breaker.succeeded()
        return answer
      },
      (error: unknown) => {
        this.#inFlight -= 1
        throw this.#failed(op, error, isProbe)
      },
    )
  }

  #expired(op: StoreOperation, ms: number, isProbe: boolean): StoreUnavailableError {
    publishStore({ type: 'timeout', store: this.#store.name, operation: op })
    this.#countFailure(isProbe)
    return new StoreUnavailableError(`${this.#store.name}: no answer to a ${op} within ${Math.round(ms)} ms.`)
  }

  #aborted(op: StoreOperation, signal: AbortSignal | undefined, isProbe: boolean): StoreUnavailableError {
    if (isProbe) this.#breaker.abandonProbe()
    const message = `${this.#store.name}: the ${op} was given up before it was answered.`
    return new StoreUnavailableError(message, { cause: signal?.reason })
  }

  #failed(op: StoreOperation, error: unknown, isProbe: boolean): Error {
    if (isHoldfastError(error) && !isStoreUnavailable(error)) {
      if (isProbe) this.#breaker.abandonProbe()
      return error
    }
    this.#countFailure(isProbe)
    if (isStoreUnavailable(error)) return error
    return new StoreUnavailableError(`${this.#store.name}: the ${op} failed.`, { cause: error })
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
