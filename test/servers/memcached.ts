import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { startCommand, type Child } from '../process.js'
import { freePort } from './free-port.js'
import { freeze } from './freeze.js'
import { requireServer } from './require-server.js'
import { until } from './until.js'

/** One process of `memcached` on a port of 127.0.0.1. */
export class MemcachedServer {
  readonly host = '127.0.0.1'
  readonly port: number
  readonly #args: readonly string[]
  #child: Child | undefined

  constructor(port: number, args: readonly string[]) {
    this.port = port
    this.#args = args
  }

  get address(): string {
    return `${this.host}:${this.port}`
  }

  get url(): string {
    return `memcached://${this.address}`
  }

  get pid(): number {
    if (!this.#child) throw new Error(`The server on port ${this.port} is not running.`)
    return this.#child.pid
  }

  /**
   * Resolves when it answers. Where there is `setpriv` (Linux) it dies with this process, however that ends: vitest ends
   * its workers with signals, and exit handlers do not run then.
   */
  async start(): Promise<void> {
    const program = await requireServer('memcached')
    if (!program) throw new Error('memcached is missing; ask requireServer before this is called.')
    const command = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'KILL', program] : [program]
    const user = process.getuid?.() === 0 ? ['-u', 'root'] : []
    const args = [...command.slice(1), '-l', this.host, '-p', String(this.port), '-t', '1', ...user, ...this.#args]
    const child = startCommand(command[0] as string, { args, cwd: tmpdir() })
    this.#child = child
    const ended = child.ended.then(({ code }) => {
      throw new Error(`memcached on port ${this.port} ended with ${code}. It printed:\n${child.output()}`)
    })
    await Promise.race([ended, until('memcached answers', async () => (await this.command('version')) !== '')])
    ended.catch(() => {})
  }

  /** SIGKILL, also while it is paused. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    await child?.stop('SIGKILL')
  }

  /**
   * SIGSTOP: the kernel goes on taking connections and bytes for it. Resolves when it stands still (Linux): on a busy
   * machine one of its threads may go on for some ms.
   */
  async pause(): Promise<void> {
    await freeze(this.pid)
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT')
  }

  /** Kills it if it runs, and starts it on the same port: empty, as Memcached saves nothing. */
  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  /** May be called twice. */
  async stop(): Promise<void> {
    await this.kill()
  }

  /** Puts an item there as another program would: with flags, with any bytes. */
  async put(key: string, bytes: Uint8Array | string, flags = 0): Promise<void> {
    const value = Buffer.from(bytes)
    const head = `set ${key} ${flags} 0 ${value.length}\r\n`
    const answer = await this.#exchange(Buffer.concat([Buffer.from(head), value, Buffer.from('\r\n')]))
    if (answer !== 'STORED\r\n') throw new Error(`memcached did not store ${key}: ${answer}`)
  }

  /** Items of others, each of so many bytes, until they fill `total` bytes; after `seconds` they are over. */
  async fill(name: string, size: number, total: number, seconds: number): Promise<void> {
    const value = 'x'.repeat(size)
    const items = Array.from(
      { length: Math.ceil(total / size) },
      (_, i) => `set ${name}${i} 0 ${seconds} ${size} noreply\r\n${value}\r\n`,
    )
    await this.command(`${items.join('')}version`)
  }

  /** The text under a key as it is stored. */
  async get(key: string): Promise<string | undefined> {
    return /^VALUE \S+ \d+ \d+\r\n(.*)\r\nEND\r\n$/s.exec(await this.command(`get ${key}`))?.[1]
  }

  /** A number of `stats`. */
  async stat(name: string): Promise<number> {
    return Number(new RegExp(`^STAT ${name} (\\d+)`, 'm').exec(await this.command('stats'))?.[1])
  }

  /** Sends one line on a connection of its own, past every proxy, and gives the whole answer. Rejects after 5 s. */
  command(line: string): Promise<string> {
    return this.#exchange(Buffer.from(`${line}\r\n`))
  }

  async #exchange(bytes: Uint8Array): Promise<string> {
    const socket = connect(this.port, this.host)
    try {
      socket.setTimeout(5_000, () => socket.destroy(new Error(`memcached on port ${this.port} does not answer`)))
      await once(socket, 'connect')
      socket.write(bytes)
      return await wholeAnswer(socket)
    } finally {
      socket.destroy()
    }
  }
}

const WHOLE =
  /(?:^|\n)(?:END|STORED|DELETED|OK|NOT_FOUND|NOT_STORED|EXISTS|RESET|EN|HD[^\r]*|VERSION [^\r]*|[A-Z_]*ERROR[^\r]*)\r\n$/

async function wholeAnswer(socket: Socket): Promise<string> {
  let answer = ''
  for await (const chunk of socket.setEncoding('utf8')) {
    answer += String(chunk)
    if (WHOLE.test(answer)) return answer
  }
  throw new Error(`the connection ended after ${JSON.stringify(answer)}`)
}

/**
 * Starts one server, `args` being more arguments of `memcached` such as `['-m', '2']`, and once more on another port where
 * another test file has taken its port meanwhile. `requireServer('memcached')` says whether there is one on this machine.
 */
export async function startMemcached(args: readonly string[] = []): Promise<MemcachedServer> {
  for (let attempt = 1; ; attempt++) {
    const server = new MemcachedServer(await freePort(), args)
    try {
      await server.start()
      return server
    } catch (error) {
      await server.kill()
      if (!String(error).includes('Address already in use') || attempt === 5) throw error
    }
  }
}
