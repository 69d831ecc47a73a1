import type { CallOptions } from '@holdfast/core'
import type { RedisClient, RedisConnection } from './client.js'
import type { ReplicatedWrites } from './replicated-writes.js'
import type { Server } from './server.js'

/** A master and the connection to it. */
export interface Master {
  readonly server: Server
  readonly connection: RedisConnection
}

/** The servers behind a client: one, or the masters of a Cluster. */
export interface Servers {
  readonly client: RedisClient
  /** The server that has a key, by its full name. */
  of(key: string): Server
  /** What replicates writes of that key; made when it is first asked for. Rejects when the Cluster is not connected. */
  replicated(key: string, options?: CallOptions): Promise<ReplicatedWrites>
  /** Those known now; rejects when the Cluster is not connected. */
  masters(options?: CallOptions): Promise<readonly Master[]>
  /** The same, by address and without waiting: none when the Cluster is not connected. */
  mastersNow(): ReadonlyMap<string, RedisConnection>
  /** Stops watching the client and closes side connections; does not close the client. */
  release(): void
}
