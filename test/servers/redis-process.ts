import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis, type RedisOptions } from 'ioredis'
import { startCommand, type Child } from '../process.js'
import { freePort } from './free-port.js'
import { requireServer } from './require-server.js'

export interface RedisProcessOptions {
  readonly port: number
  /** The temporary folder of its set; its own data lie in a folder in it. */
  readonly folder: string
  /** Arguments of `redis-server`, a file first where there is one. */
  readonly args: readonly string[]
  /** How `command` connects, beside host and port. */
  readonly client?: Pick<RedisOptions, 'password' | 'tls'>
}

/** One process of `redis-server`: a server, a node of a Cluster or a Sentinel. */
export class RedisProcess {
  readonly host = '127.0.0.1'
  readonly port: number
  readonly #options: RedisProcessOptions
  readonly #data: string
  #child: Child | undefined

  constructor(options: RedisProcessOptions) {
    this.port = options.port
    this.#options = options
    this.#data = join(options.folder, String(options.port))
  }

  get pid(): number {
    if (!this.#child) throw new Error(`The server on port ${this.port} is not running.`)
    return this.#child.pid
  }

  /** All that it has printed since it was last started. */
  output(): string {
    return this.#child?.output() ?? ''
  }

  /**
   * Resolves when it takes connections. Where there is `setpriv` (Linux) it dies with this process, however that ends:
   * vitest ends its workers with signals, and exit handlers do not run then.
   */
  async start(): Promise<void> {
    const program = await requireServer('redis-server')
    if (!program) throw new Error('redis-server is missing; ask requireServer before this is called.')
    await mkdir(this.#data, { recursive: true })
    const command = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'KILL', program] : [program]
    const args = [...command.slice(1), ...this.#options.args]
    this.#child = startCommand(command[0] as string, { args, cwd: this.#data })
    await this.#child.printed(/Ready to accept connections|Sentinel ID is/)
  }

  /** SIGKILL, also while it is paused. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    await child?.stop('SIGKILL')
  }

  /** SIGSTOP: the kernel goes on taking connections and bytes for it. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP')
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT')
  }

  /** Kills it if it runs, and starts it on the same port. `empty`: what it has saved is thrown away before. */
  async restart({ empty = false } = {}): Promise<void> {
    await this.kill()
    for (const saved of empty ? ['appendonlydir', 'dump.rdb'] : [])
      await rm(join(this.#data, saved), { recursive: true, force: true })
    await this.start()
  }

  /** Sends one command on a connection of its own, past every proxy. Rejects after 2 s. */
  async command(name: string, ...args: (string | number)[]): Promise<unknown> {
    const { host, port } = this
    const limits = { connectTimeout: 2_000, commandTimeout: 2_000, maxRetriesPerRequest: 0, retryStrategy: () => null }
    const client = new Redis({ ...limits, ...this.#options.client, host, port, lazyConnect: true })
    client.on('error', () => {})
    try {
      await client.connect()
      return await client.call(name, args)
    } finally {
      client.disconnect()
    }
  }
}

/** A line of INFO, without its name. */
export async function infoOf(server: RedisProcess, section: string, name: string): Promise<string | undefined> {
  const text = String(await server.command('INFO', section))
  return text
    .split('\r\n')
    .find((line) => line.startsWith(`${name}:`))
    ?.slice(name.length + 1)
}

/** Makes and starts one on a free port, and once more where another test file has taken that port meanwhile. */
export async function startOnFreePort<P extends RedisProcess>(make: (port: number) => P | Promise<P>): Promise<P> {
  for (let attempt = 1; ; attempt++) {
    const server = await make(await freePort())
    try {
      await server.start()
      return server
    } catch (error) {
      const isTaken = server.output().includes('Address already in use')
      await server.kill()
      if (!isTaken || attempt === 5) throw error
    }
  }
}
