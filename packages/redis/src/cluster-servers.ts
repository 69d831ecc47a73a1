import { StoreUnavailableError, type CallOptions } from '@holdfast/core'
import type { RedisCluster, RedisConnection } from './client.js'
import { Link } from './link.js'
import { ReplicatedWrites } from './replicated-writes.js'
import { sideConnection } from './side-connection.js'
import { handshakeMsOf, Server, type ServerOptions } from './server.js'
import type { Master, Servers } from './servers.js'
import { slotOf } from './slot-of.js'

/**
 * The masters of a Redis Cluster, each with bounds of its own: one that hangs does not hinder the others. ioredis sends
 * the calls and follows MOVED; here is known which server a call counts for.
 */
export class ClusterServers implements Servers {
  readonly client: RedisCluster
  readonly #options: ServerOptions
  readonly #gate: Link
  readonly #servers = new Map<string, Server>()
  readonly #replicated = new Map<string, ReplicatedWrites>()
  /** For calls before the slots are known. */
  readonly #unknown: Server
  readonly #added = (node: unknown): void => this.#add(node as RedisConnection)
  readonly #removed = (node: unknown): void => this.#remove(node as RedisConnection)
  readonly #refreshed = (): void => this.#forget()

  constructor(client: RedisCluster, options: ServerOptions) {
    const { name, deadlineMs } = options
    this.client = client
    this.#options = { ...options, onTrouble: () => client.refreshSlotsCache() }
    this.#gate = new Link(client, { name, handshakeMs: 2 * handshakeMsOf(deadlineMs) })
    this.#unknown = new Server(options, this.#gate)
    for (const node of client.nodes('all')) this.#add(node)
    client.on('+node', this.#added)
    client.on('-node', this.#removed)
    client.on('refresh', this.#refreshed)
  }

  of(key: string): Server {
    const address = this.client.slots[slotOf(key)]?.[0]
    return address === undefined ? this.#unknown : this.#server(address)
  }

  async replicated(key: string, options: CallOptions | undefined): Promise<ReplicatedWrites> {
    await this.#connected(options)
    const address = this.client.slots[slotOf(key)]?.[0]
    const [node] = this.client.nodes('all')
    if (address === undefined || !node)
      throw new StoreUnavailableError(`${this.#options.name}: no master has this key.`)
    let replicated = this.#replicated.get(address)
    if (!replicated) {
      const colon = address.lastIndexOf(':')
      const [host, port] = [address.slice(0, colon), Number(address.slice(colon + 1))]
      replicated = new ReplicatedWrites(sideConnection(node, { host, port }), this.#options)
      this.#replicated.set(address, replicated)
    }
    return replicated
  }

  async masters(options?: CallOptions): Promise<readonly Master[]> {
    await this.#connected(options)
    return [...this.mastersNow()].map(([address, connection]) => ({ server: this.#server(address), connection }))
  }

  mastersNow(): ReadonlyMap<string, RedisConnection> {
    return new Map(this.client.nodes('master').map((node) => [addressOf(node), node]))
  }

  release(): void {
    this.client.off('+node', this.#added)
    this.client.off('-node', this.#removed)
    this.client.off('refresh', this.#refreshed)
    for (const server of this.#servers.values()) server.detach()
    for (const replicated of this.#replicated.values()) replicated.close()
    this.#gate.release()
  }

  /** Waits for the Cluster as long as a call may take. */
  async #connected(options: CallOptions | undefined): Promise<void> {
    if (!this.#gate.isReady) await this.#unknown.run('read', options, () => Promise.resolve())
  }

  #add(node: RedisConnection): void {
    this.#server(addressOf(node)).attach(node)
  }

  #remove(node: RedisConnection): void {
    this.#servers.get(addressOf(node))?.detach(node)
  }

  /** Servers that the Cluster does not have any more. */
  #forget(): void {
    const addresses = new Set(this.client.nodes('all').map(addressOf))
    for (const [address, server] of this.#servers) {
      if (addresses.has(address)) continue
      server.detach()
      this.#servers.delete(address)
    }
    for (const [address, replicated] of this.#replicated) {
      if (addresses.has(address)) continue
      replicated.close()
      this.#replicated.delete(address)
    }
  }

  #server(address: string): Server {
    let server = this.#servers.get(address)
    if (!server) this.#servers.set(address, (server = new Server(this.#options, this.#gate)))
    return server
  }
}

const addressOf = ({ options }: RedisConnection): string => `${options.host}:${options.port}`
