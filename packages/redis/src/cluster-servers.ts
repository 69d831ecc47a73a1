import type { RedisCluster, RedisConnection } from './client.js'
import { Link } from './link.js'
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
  /** For calls before the slots are known. */
  readonly #unknown: Server
  readonly #added = (node: unknown): void => this.#add(node as RedisConnection)
  readonly #removed = (node: unknown): void => this.#remove(node as RedisConnection)

  constructor(client: RedisCluster, options: ServerOptions) {
    const { name, deadlineMs } = options
    this.client = client
    this.#options = { ...options, onTrouble: () => client.refreshSlotsCache() }
    this.#gate = new Link(client, { name, handshakeMs: 2 * handshakeMsOf(deadlineMs) })
    this.#unknown = new Server(options, this.#gate)
    for (const node of client.nodes('all')) this.#add(node)
    client.on('+node', this.#added)
    client.on('-node', this.#removed)
  }

  of(key: string): Server {
    const address = this.client.slots[slotOf(key)]?.[0]
    return address === undefined ? this.#unknown : this.#server(address)
  }

  async masters(): Promise<readonly Master[]> {
    await this.#gate.whenReady()
    return this.client
      .nodes('master')
      .map((connection) => ({ server: this.#server(addressOf(connection)), connection }))
  }

  release(): void {
    this.client.off('+node', this.#added)
    this.client.off('-node', this.#removed)
    for (const server of this.#servers.values()) server.detach()
    this.#gate.release()
  }

  #add(node: RedisConnection): void {
    this.#server(addressOf(node)).attach(node)
  }

  #remove(node: RedisConnection): void {
    this.#servers.get(addressOf(node))?.detach(node)
  }

  #server(address: string): Server {
    let server = this.#servers.get(address)
    if (!server) this.#servers.set(address, (server = new Server(this.#options, this.#gate)))
    return server
  }
}

const addressOf = ({ options }: RedisConnection): string => `${options.host}:${options.port}`
