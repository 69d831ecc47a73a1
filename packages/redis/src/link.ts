import { GatheredWrites, StoreUnavailableError } from '@holdfast/core'
import { isCluster, type RedisClient } from './client.js'
import { explain } from './reply-errors.js'

export interface LinkOptions {
  /** For messages: `redis`. */
  readonly name: string
  /** From connected to ready: a frozen server is connected to by its kernel, and never answers the first command. */
  readonly handshakeMs: number
  readonly onReady?: () => void
}

interface Waiting {
  resolve(): void
  reject(error: unknown): void
}

/**
 * Watches a client, one connection or a Cluster. Calls wait for it while it connects for the first time or after it broke;
 * once an attempt to connect has failed they are refused until it is ready. A client that hangs between connected and
 * ready is dropped, again and again: with Sentinel this is what finds the new master.
 */
export class Link {
  readonly client: RedisClient
  readonly #options: LinkOptions
  readonly #listeners: readonly (readonly [event: string, listener: (error?: unknown) => void])[]
  readonly #waiting = new Set<Waiting>()
  #wasReady: boolean
  #hasFailed = false
  readonly #writes = new GatheredWrites()
  #lastError: unknown
  #connectedAt = 0
  #handshake: NodeJS.Timeout | undefined

  constructor(client: RedisClient, options: LinkOptions) {
    this.client = client
    this.#options = options
    this.#wasReady = this.isReady
    this.#listeners = [
      ['connect', () => this.#connected()],
      ['ready', () => this.#ready()],
      ['error', (error) => this.#failed(error)],
      ['close', () => this.#closed()],
      ['end', () => this.#failed(this.#lastError ?? new Error('the client was closed.'))],
    ]
    for (const [event, listener] of this.#listeners) client.on(event, listener)
    if (client.status === 'connect') this.#connected()
    if (this.isReady) options.onReady?.()
  }

  /** Not by `status` alone: it goes on saying `ready` for a moment when the connection has broken. */
  get isReady(): boolean {
    const { client } = this
    return client.status === 'ready' && (isCluster(client) || client.stream?.writable !== false)
  }

  /** Rejects with `refused` when an attempt to connect has failed since it was last ready. */
  whenReady(): Promise<void> {
    const { status } = this.client
    if (this.isReady) return Promise.resolve()
    if (status === 'wait') this.client.connect().catch(() => {})
    if (this.#hasFailed || status === 'end') return Promise.reject(this.#unavailable())
    return new Promise((resolve, reject) => this.#waiting.add({ resolve, reject }))
  }

  /** Before each command of several at a time. */
  gather(): void {
    if (!isCluster(this.client) && this.client.stream) this.#writes.gather(this.client.stream)
  }

  /** Breaks the connection so that another is made; one that is younger than `minAgeMs` is not to blame yet. */
  drop(minAgeMs: number): void {
    // Not while it looks for an address: ioredis then gives up for ever (status `end`) where there are Sentinels.
    const isUp = this.client.status === 'ready' || this.client.status === 'connect'
    if (!isUp || performance.now() - this.#connectedAt < minAgeMs) return
    this.client.disconnect(true)
    // `disconnect` waits up to 2 s for the server to close its side, which a frozen one does not.
    if (!isCluster(this.client)) this.client.stream?.destroy()
  }

  /** Stops watching. What waits is refused. */
  release(): void {
    clearTimeout(this.#handshake)
    for (const [event, listener] of this.#listeners) this.client.off(event, listener)
    this.#wasReady = false
    this.#failed(new Error('the store is closed.'))
  }

  #connected(): void {
    this.#connectedAt = performance.now()
    clearTimeout(this.#handshake)
    const { handshakeMs } = this.#options
    this.#handshake = setTimeout(() => {
      if (this.client.status !== 'connect') return
      this.#wasReady = false
      this.#failed(new Error(`it took the connection, but is not ready within ${handshakeMs} ms.`))
      this.drop(0)
    }, handshakeMs).unref()
  }

  #ready(): void {
    clearTimeout(this.#handshake)
    this.#wasReady = true
    this.#hasFailed = false
    this.#lastError = undefined
    this.#options.onReady?.()
    for (const { resolve } of this.#waiting) resolve()
    this.#waiting.clear()
  }

  /** The first attempt after it was ready is still to come. */
  #closed(): void {
    clearTimeout(this.#handshake)
    if (this.#wasReady) this.#wasReady = false
    else this.#failed(this.#lastError)
  }

  #failed(error: unknown): void {
    this.#lastError = lastOf(error)
    if (this.isReady || this.#wasReady) return
    this.#hasFailed = true
    for (const { reject } of this.#waiting) reject(this.#unavailable())
    this.#waiting.clear()
  }

  #unavailable(): StoreUnavailableError {
    const { cause, message } = explain(
      `${this.#options.name} is not connected`,
      this.#lastError ?? new Error(this.client.status),
    )
    return new StoreUnavailableError(message, { cause, refused: true })
  }
}

/** Of an error of a Cluster: what the node that was asked last said. */
const lastOf = (error: unknown): unknown =>
  (error as { readonly lastNodeError?: unknown } | undefined)?.lastNodeError ?? error
