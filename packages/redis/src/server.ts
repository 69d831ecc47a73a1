import { CallGuard, isStoreUnavailable, type CallOptions, type StoreOperation } from '@holdfast/core'
import { Link } from './link.js'
import type { RedisConnection } from './client.js'
import { explain, hasCode, isAnswer, isLost } from './reply-errors.js'

/** Time-outs in a row after which a connection is dropped. Without that, a frozen master of Sentinel is never left. */
const DROP_AFTER = 3

export interface ServerOptions {
  /** In events and messages: `redis`. */
  readonly name: string
  readonly deadlineMs: number
  /** Called with each connection of it that is ready. */
  readonly onReady?: ((connection: RedisConnection) => void) | undefined
  /** Called when it does not answer, or is no master any more. */
  readonly onTrouble?: (() => void) | undefined
}

type Send<T> = () => Promise<T>

/**
 * One Redis server: its calls are bounded apart from those of others, and its connection is dropped when it answers no
 * more. A call whose connection breaks is sent once more, within its deadline: it must bear that, as a guarded write does.
 */
export class Server {
  readonly #options: ServerOptions
  readonly #guard: CallGuard
  readonly #gate: Link | undefined
  #link: Link | undefined

  /** `gate`: what else must be ready; the Cluster that the server is part of. */
  constructor(options: ServerOptions, gate?: Link) {
    this.#options = options
    this.#gate = gate
    this.#guard = new CallGuard(options.name, {
      deadlineMs: options.deadlineMs,
      isAnswer,
      onTimeout: (inARow) => {
        if (inARow >= DROP_AFTER) this.#drop(options.deadlineMs)
      },
    })
  }

  /** Its connection from now on. */
  attach(connection: RedisConnection): void {
    this.#link?.release()
    const { name, deadlineMs, onReady } = this.#options
    const handshakeMs = handshakeMsOf(deadlineMs)
    this.#link = new Link(connection, {
      name,
      handshakeMs,
      onReady: () => {
        this.#guard.probeNow()
        onReady?.(connection)
      },
    })
  }

  /** Its connection is gone, if it is this one. */
  detach(connection?: RedisConnection): void {
    if (connection && this.#link?.client !== connection) return
    this.#link?.release()
    this.#link = undefined
  }

  /** Bounded by its deadline. A write brings the read that goes first where a probe is wanted. */
  run<T>(
    operation: StoreOperation,
    options: CallOptions | undefined,
    send: Send<T>,
    probe?: Send<unknown>,
  ): Promise<T> {
    return this.#guard.run(
      operation,
      options,
      (ms) => this.#send(operation, ms, send),
      probe && ((ms) => this.#send('read', ms, probe)),
    )
  }

  #send<T>(operation: StoreOperation, ms: number, send: Send<T>): Promise<T> {
    const endsAt = performance.now() + ms
    if (!this.#isReady()) return this.#sendWhenReady(operation, endsAt, send)
    // One call at a time would only wait.
    if (this.#guard.inFlight > 1) this.#link?.gather()
    return send().catch((error: unknown) => {
      if (isLost(error)) return this.#sendWhenReady(operation, endsAt, send)
      throw this.#explained(operation, error)
    })
  }

  async #sendWhenReady<T>(operation: StoreOperation, endsAt: number, send: Send<T>): Promise<T> {
    // The status of a connection that has just broken is not up to date yet.
    await new Promise((resolve) => setImmediate(resolve))
    await this.#gate?.whenReady()
    await this.#link?.whenReady()
    // Given up meanwhile: nobody waits for it any more, so it is not sent either.
    if (performance.now() >= endsAt) return new Promise(() => {})
    return send().catch((error: unknown) => {
      throw this.#explained(operation, error)
    })
  }

  #isReady(): boolean {
    return (this.#gate?.isReady ?? true) && (this.#link?.isReady ?? true)
  }

  #explained(operation: StoreOperation, error: unknown): Error {
    if (hasCode(error, 'READONLY')) this.#drop(0)
    else if (hasCode(error, 'MOVED') || hasCode(error, 'CLUSTERDOWN')) this.#options.onTrouble?.()
    if (isStoreUnavailable(error)) return error
    return explain(`${this.#options.name}: the ${operation} failed`, error)
  }

  #drop(minAgeMs: number): void {
    this.#link?.drop(minAgeMs)
    this.#options.onTrouble?.()
  }
}

export const handshakeMsOf = (deadlineMs: number): number => Math.max(500, 2 * deadlineMs)
