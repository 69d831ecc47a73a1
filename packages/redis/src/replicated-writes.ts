import { StoreUnavailableError, type CallOptions } from '@holdfast/core'
import type { RedisConnection } from './client.js'
import { hasCode } from './reply-errors.js'
import { WRITE } from './scripts.js'
import type { SideConnection } from './side-connection.js'
import { Server, type ServerOptions } from './server.js'

interface Write {
  readonly name: string
  readonly args: readonly string[]
  /** The server does not know the script: its source goes along. */
  withSource: boolean
  resolve(reply: unknown): void
  reject(error: unknown): void
}

/**
 * Writes that are acknowledged when a replica has them too: scripts and one `WAIT` in a pipeline, on a connection of its
 * own, as `WAIT` on the shared one delays every read behind it (114 ms measured). While one batch is under way the next is
 * collected. Too few replicas is `StoreUnavailableError`: the write stands on the master and may be lost with it.
 */
export class ReplicatedWrites {
  readonly #connection: RedisConnection
  readonly #closeConnection: () => void
  readonly #name: string
  readonly #waitMs: number
  readonly #server: Server
  readonly #collected: Write[] = []
  #isUnderWay = false

  constructor({ connection, close }: SideConnection, options: ServerOptions) {
    this.#connection = connection
    this.#closeConnection = close
    this.#name = options.name
    // Redis looks only every 100 ms whether a WAIT is over, and the answer shall come before the deadline.
    this.#waitMs = Math.max(1, Math.floor(0.4 * options.deadlineMs))
    this.#server = new Server({ ...options, onReady: undefined })
    this.#server.attach(connection)
  }

  /** Sends the write script; `args` are its ARGV. */
  write(name: string, args: readonly string[], options: CallOptions | undefined): Promise<unknown> {
    const send = (): Promise<unknown> =>
      new Promise((resolve, reject) => {
        this.#collected.push({ name, args, withSource: false, resolve, reject })
        if (!this.#isUnderWay) void this.#sendAll()
      })
    return this.#server.run('write', options, send, () => this.#probe(name))
  }

  close(): void {
    this.#server.detach()
    this.#closeConnection()
  }

  async #sendAll(): Promise<void> {
    this.#isUnderWay = true
    while (this.#collected.length > 0) await this.#sendBatch(this.#collected.splice(0))
    this.#isUnderWay = false
  }

  async #sendBatch(batch: readonly Write[]): Promise<void> {
    let pipeline = this.#connection.pipeline()
    for (const { name, args, withSource } of batch) {
      pipeline = withSource
        ? pipeline.eval(WRITE.source, 1, name, ...args)
        : pipeline.evalsha(WRITE.sha, 1, name, ...args)
    }
    try {
      const results = (await pipeline.call('WAIT', '1', String(this.#waitMs)).exec()) ?? []
      const [waitError, replicas] = results[batch.length] ?? [new Error('Connection is closed.'), 0]
      for (const [index, write] of batch.entries()) {
        const [error, reply] = results[index] ?? [waitError, undefined]
        if (error && !write.withSource && hasCode(error, 'NOSCRIPT'))
          this.#collected.push({ ...write, withSource: true })
        else if (error ?? waitError) write.reject(error ?? waitError)
        else if (Number(replicas) < 1) write.reject(this.#tooFew())
        else write.resolve(reply)
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  /** That a replica keeps up again, by the last write on this connection. */
  async #probe(name: string): Promise<void> {
    const results = await this.#connection.pipeline().get(name).call('WAIT', '1', String(this.#waitMs)).exec()
    const [error, replicas] = results?.[1] ?? [new Error('Connection is closed.'), 0]
    if (error) throw error
    if (Number(replicas) < 1) throw this.#tooFew()
  }

  #tooFew(): StoreUnavailableError {
    return new StoreUnavailableError(
      `${this.#name}: no replica had the write within ${this.#waitMs} ms (WAIT), so it is not acknowledged. Look at INFO replication.`,
    )
  }
}
