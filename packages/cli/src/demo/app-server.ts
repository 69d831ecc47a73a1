import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { MigrationPhase } from '@holdfast/core'
import { extname } from 'node:path'
import { setInterval } from 'node:timers/promises'
import { firstMessage } from './first-message.js'
import type { ServerNews, ServerOrder, ServerReady } from './serve.js'
import type { ServerState } from './state.js'
import type { StoreConfig } from './store-config.js'

/** How often its health is asked. */
const HEALTH_EVERY_MS = 100

/** So long it may take to leave, or to answer an order. */
const PATIENCE_MS = 10_000

/** Of these it has what its config says, and nothing of what an earlier one said. */
const NOT_GIVEN = {
  SESSION_FAILOVER: undefined,
  SESSION_MIGRATE_FROM: undefined,
  SESSION_MIGRATE_FROM_FAILOVER: undefined,
}

export type AppServerStatus =
  | { readonly is: 'stopped' }
  | { readonly is: 'starting'; readonly process: ChildProcess }
  | { readonly is: 'running'; readonly process: ChildProcess; readonly port: number }

export interface AppServerOptions {
  readonly name: string
  readonly framework: ServerState['framework']
  /** The module that the process runs, beside this one and without its extension. */
  readonly module: string
  readonly env: Readonly<Record<string, string>>
  readonly onChange: () => void
  /** The process ended and nobody had asked for it; `how` is its exit code or signal. */
  readonly onCrash: (server: AppServer, how: string) => void
}

/** One app server: a process of its own that can be killed and started again. It ends with this process. */
export class AppServer {
  readonly name: string
  readonly framework: ServerState['framework']
  #answered = 0
  #isHealthy = false
  #phase: MigrationPhase | undefined
  #status: AppServerStatus = { is: 'stopped' }
  readonly #wanted = new WeakSet<ChildProcess>()
  readonly #options: AppServerOptions

  constructor(options: AppServerOptions) {
    this.#options = options
    this.name = options.name
    this.framework = options.framework
  }

  get status(): AppServerStatus {
    return this.#status
  }

  /** Where it listens while it is running. */
  get url(): string | undefined {
    return this.#status.is === 'running' ? `http://127.0.0.1:${this.#status.port}` : undefined
  }

  /** What it said last when it was asked whether it should get requests. */
  get isHealthy(): boolean {
    return this.#isHealthy
  }

  /** Requests that the running process has answered, as the balancer counts them. */
  get answered(): number {
    return this.#answered
  }

  /** While sessions move: the phase that it works in. */
  get phase(): MigrationPhase | undefined {
    return this.#phase
  }

  countAnswer(): void {
    this.#answered++
  }

  /** Resolves when it listens. Rejects when the process ends before that, or does not get there in 30 s. */
  async start(config: StoreConfig): Promise<void> {
    if (this.#status.is !== 'stopped') return
    const { module, name, env } = this.#options
    const file = new URL(`./${module}${extname(import.meta.url)}`, import.meta.url)
    const child = fork(file, { env: { ...process.env, ...env, SERVER_NAME: name, ...NOT_GIVEN, ...config } })
    child.once('exit', (code, signal) => this.#ended(child, signal ?? `exit code ${code}`))
    child.on('message', (news: ServerReady | ServerNews) => this.#heard(child, news))
    this.#answered = 0
    this.#become({ is: 'starting', process: child })
    const { port } = await firstMessage<ServerReady>(child, `Server ${name}`, () => child.kill('SIGKILL'))
    this.#isHealthy = await isHealthy(port)
    if (child.exitCode !== null || child.signalCode !== null) return
    this.#become({ is: 'running', process: child, port })
    void this.#keepAsking(child, port)
  }

  /** It ends what is under way and hands over what it keeps. Resolves when its process is gone, killed after 10 s. */
  async leave(): Promise<void> {
    if (this.#status.is !== 'running') return await this.kill()
    const { process: child } = this.#status
    this.#wanted.add(child)
    const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
    order(child, { leave: true })
    await once(child, 'exit')
    clearTimeout(late)
  }

  /** Has it move all app servers to a phase. Rejects, with a sentence, where that may not be now. */
  async move(phase: MigrationPhase): Promise<void> {
    if (this.#status.is !== 'running') throw new Error(`Server ${this.name} is not running.`)
    const { process: child } = this.#status
    await new Promise<void>((resolve, reject) => {
      const end = (refusal?: string): void => {
        clearTimeout(late)
        child.off('message', hear).off('exit', gone)
        if (refusal === undefined) resolve()
        else reject(new Error(refusal))
      }
      const hear = (news: ServerNews): void => {
        if ('moved' in news && news.moved === phase) end(news.refusal)
      }
      const gone = (): void => end(`Server ${this.name} has ended.`)
      const late = setTimeout(() => end(`Server ${this.name} does not answer.`), PATIENCE_MS)
      child.on('message', hear).once('exit', gone)
      order(child, { move: phase })
    })
  }

  /** SIGKILL: the process gets no chance to save anything. Resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.#status.is === 'stopped') return
    const { process: child } = this.#status
    this.#wanted.add(child)
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  async #keepAsking(child: ChildProcess, port: number): Promise<void> {
    for await (const _ of setInterval(HEALTH_EVERY_MS, undefined, { ref: false })) {
      if (this.#status.is !== 'running' || this.#status.process !== child) return
      this.#isHealthy = await isHealthy(port)
    }
  }

  #heard(child: ChildProcess, news: ServerReady | ServerNews): void {
    if (!('phase' in news) || this.#status.is === 'stopped' || this.#status.process !== child) return
    this.#phase = news.phase
    this.#options.onChange()
  }

  #ended(child: ChildProcess, how: string): void {
    const wasRunning = this.#status.is === 'running'
    this.#phase = undefined
    this.#become({ is: 'stopped' })
    if (wasRunning && !this.#wanted.has(child)) this.#options.onCrash(this, how)
  }

  #become(status: AppServerStatus): void {
    this.#status = status
    this.#options.onChange()
  }
}

/** Where it cannot be told any more, its end says so. */
const order = (child: ChildProcess, what: ServerOrder): void => void child.send(what, () => {})

const isHealthy = async (port: number): Promise<boolean> => {
  const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined)
  await answer?.body?.cancel()
  return answer?.ok ?? false
}
