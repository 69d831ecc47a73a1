import type { RedisConnection } from './client.js'
import { Server, type ServerOptions } from './server.js'
import type { Master, Servers } from './servers.js'

/** One Redis server, or the master that Sentinel names: all keys are there. */
export class SingleServer implements Servers {
  readonly client: RedisConnection
  readonly #server: Server

  constructor(client: RedisConnection, options: ServerOptions) {
    this.client = client
    this.#server = new Server(options)
    this.#server.attach(client)
  }

  of(): Server {
    return this.#server
  }

  async masters(): Promise<readonly Master[]> {
    return [{ server: this.#server, connection: this.client }]
  }

  release(): void {
    this.#server.detach()
  }
}
