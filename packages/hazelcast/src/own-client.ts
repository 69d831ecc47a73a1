import { Client, LifecycleState, ReconnectMode, type ClientConfig } from 'hazelcast-client'
import type { ClientSource } from './client-source.js'

export interface OwnClientOptions {
  readonly clusterName: string
  /** `host:port`. */
  readonly members: readonly string[]
}

const CONNECT_MS = 1_000
/** A client that has not found the cluster for so long ends itself; then another one is opened. */
const SEARCH_MS = 2_000
const RETRY_MS = [100, 250, 500, 1_000] as const

/**
 * Opens a client in the background and goes on trying, also after the whole cluster was gone. One attempt at a time: one
 * that is made to an address where nobody answers does not end, whatever time it is given.
 */
export class OwnClient implements ClientSource {
  readonly #config: ClientConfig
  readonly #listeners = new Set<(client: Client) => void>()
  #now: Client | undefined
  #opening: Promise<Client>
  #failure: unknown
  #closed = false

  constructor({ clusterName, members }: OwnClientOptions) {
    this.#config = {
      clusterName,
      network: { clusterMembers: [...members], connectionTimeout: CONNECT_MS },
      // With `asyncStart` version 5.6.0 stays connected to one member for ever.
      connectionStrategy: {
        asyncStart: false,
        reconnectMode: ReconnectMode.ASYNC,
        connectionRetry: { clusterConnectTimeoutMillis: SEARCH_MS },
      },
      properties: {
        'hazelcast.client.heartbeat.interval': 1_000,
        'hazelcast.client.heartbeat.timeout': 5_000,
        'hazelcast.client.operation.fail.on.indeterminate.state': true,
        // With it version 5.6.0 keeps a connection on which a write failed, and once no other is left it registers a
        // listener on that for ever, within one turn of the event loop: the process stands still.
        'hazelcast.client.autopipelining.enabled': false,
        'hazelcast.logging.level': 'OFF',
      },
    }
    this.#opening = this.#open()
  }

  get now(): Client | undefined {
    return this.#now
  }

  get failure(): unknown {
    return this.#failure
  }

  get(): Promise<Client> {
    return this.#opening
  }

  onClient(listener: (client: Client) => void): () => void {
    this.#listeners.add(listener)
    if (this.#now) listener(this.#now)
    return () => void this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#closed = true
    const client = this.#now
    this.#now = undefined
    await client?.shutdown()
  }

  async #open(): Promise<Client> {
    for (let attempt = 0; ; attempt++) {
      try {
        const client = await this.#attempt()
        if (!this.#closed) return client
        await client.shutdown()
      } catch (error) {
        this.#failure = error
      }
      const ms = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)]
      await new Promise((resolve) => setTimeout(resolve, ms).unref())
      if (this.#closed) return new Promise(() => {})
    }
  }

  async #attempt(): Promise<Client> {
    let isOpen = false
    const ended = (state: LifecycleState): void => {
      if (state === LifecycleState.SHUTDOWN && isOpen) this.#reopen()
    }
    const opened = await Client.newHazelcastClient({ ...this.#config, lifecycleListeners: [ended] })
    isOpen = true
    this.#now = opened
    this.#failure = undefined
    if (!this.#closed) for (const listener of this.#listeners) listener(opened)
    return opened
  }

  #reopen(): void {
    this.#now = undefined
    if (!this.#closed) this.#opening = this.#open()
  }
}
