import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { firstMessage } from './first-message.js'
import { freePort } from './free-port.js'
import type { SessionServerReady } from './server-keeper.js'
import type { ServerOrder } from './server-command.js'
import type { OwnServers } from './store-config.js'

export type OwnServerStatus =
  | { readonly is: 'stopped' }
  | { readonly is: 'starting' }
  | { readonly is: 'running'; readonly pid: number }
  | { readonly is: 'frozen'; readonly pid: number }

export interface OwnServerOptions {
  readonly name: string
  readonly onChange: () => void
  /** The process ended and nobody had asked for it. */
  readonly onCrash: () => void
}

/** A session server of the demo: all in memory, on 127.0.0.1, on one port for its whole life. It ends with this process. */
export class OwnServer {
  readonly name: string
  #port = 0
  #status: OwnServerStatus = { is: 'stopped' }
  #keeper: ChildProcess | undefined
  readonly #options: OwnServerOptions

  constructor(options: OwnServerOptions) {
    this.#options = options
    this.name = options.name
  }

  get status(): OwnServerStatus {
    return this.#status
  }

  /** Where app servers find it, once it has a port. */
  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  get port(): number {
    return this.#port
  }

  /** Before its first start, for its address. */
  async takePort(): Promise<void> {
    this.#port ||= await freePort()
  }

  /** Resolves when it is of use; it is empty then. `others` are those beside it. */
  async start({ kind, program, jar }: OwnServers, others: readonly OwnServer[]): Promise<void> {
    if (this.#status.is !== 'stopped') return
    this.#become({ is: 'starting' })
    const running = 1 + others.filter(({ status }) => status.is === 'starting' || status.is === 'running').length
    const ports = [this.#port, ...others.map(({ port }) => port)]
    const order: ServerOrder = { kind, program, jar, port: this.#port, ports, running }
    const file = new URL(`./server-keeper${extname(import.meta.url)}`, import.meta.url)
    const keeper = fork(file, [JSON.stringify(order)])
    this.#keeper = keeper
    keeper.once('exit', () => this.#ended(keeper))
    const { pid } = await firstMessage<SessionServerReady>(keeper, this.name, () => void this.kill())
    this.#become({ is: 'running', pid })
  }

  /** SIGKILL: what it had in its memory is gone. Resolves when its process is. */
  async kill(): Promise<void> {
    const keeper = this.#keeper
    if (keeper === undefined) return
    this.#keeper = undefined
    if (keeper.connected) keeper.disconnect()
    await once(keeper, 'exit')
  }

  /** SIGSTOP, when it is running: its connections stay open and nothing is answered. */
  freeze(): void {
    if (this.#status.is !== 'running') return
    process.kill(this.#status.pid, 'SIGSTOP')
    this.#become({ ...this.#status, is: 'frozen' })
  }

  thaw(): void {
    if (this.#status.is !== 'frozen') return
    process.kill(this.#status.pid, 'SIGCONT')
    this.#become({ ...this.#status, is: 'running' })
  }

  #ended(keeper: ChildProcess): void {
    const crashed = this.#keeper === keeper && this.#status.is !== 'starting'
    if (this.#keeper === keeper) this.#keeper = undefined
    this.#become({ is: 'stopped' })
    if (crashed) this.#options.onCrash()
  }

  #become(status: OwnServerStatus): void {
    this.#status = status
    this.#options.onChange()
  }
}
