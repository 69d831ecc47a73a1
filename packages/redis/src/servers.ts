import type { RedisClient, RedisConnection } from './client.js'
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
  /** Those known now; rejects when the Cluster is not connected. */
  masters(): Promise<readonly Master[]>
  /** Stops watching the client; does not close it. */
  release(): void
}
