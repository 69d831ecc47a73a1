import type { RedisConnection } from './client.js'
import { ReplicatedWrites } from './replicated-writes.js'
import { sideConnection } from './side-connection.js'
import { Server, type ServerOptions } from './server.js'
import type { Master, Servers } from './servers.js'

/** One Redis server, or the master that Sentinel names: all keys are there. */
export class SingleServer implements Servers {
  readonly client: RedisConnection
  readonly #options: ServerOptions
  readonly #server: Server
  #replicated: ReplicatedWrites | undefined

  constructor(client: RedisConnection, options: ServerOptions) {
    this.client = client
    this.#options = options
    this.#server = new Server(options)
    this.#server.attach(client)
  }

  of(): Server {
    return this.#server
  }

  async replicated(): Promise<ReplicatedWrites> {
    return (this.#replicated ??= new ReplicatedWrites(sideConnection(this.client), this.#options))
  }

  async masters(): Promise<readonly Master[]> {
    return [{ server: this.#server, connection: this.client }]
  }

  mastersNow(): ReadonlyMap<string, RedisConnection> {
    return new Map([['', this.client]])
  }

  release(): void {
    this.#server.detach()
    this.#replicated?.close()
  }
}
