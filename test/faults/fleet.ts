import type { SessionOptions } from '@holdfast/core'
import { startNode, type Child } from '../process.js'
import { freeze } from '../servers/freeze.js'
import type { StoreOptions } from './column.js'
import { Client, type Answer, type ClientOptions } from './client.js'

/** The options of `createSessions` that go into an app process. */
export interface AppSettings
  extends StoreOptions, Pick<SessionOptions, 'idle' | 'maxBytes' | 'onUnavailable' | 'affinity' | 'nearCache'> {
  readonly secret: string | readonly string[]
}

export interface AppOptions extends ClientOptions {
  /**
   * Put into its environment. `APP_PORT`: where it listens, in place of a free port. `APP_HOSTS`: addresses by name, in JSON.
   * `APP_LEAVE_MS`: after SIGTERM it drains, and serves for so long before it closes.
   */
  readonly env?: Readonly<Record<string, string>>
}

/** What an app process counted since it started. */
export interface AppReport {
  /** Events of both channels, and warnings by their code. */
  readonly events: Readonly<Record<string, number>>
  readonly rejections: number
  /** Requests that have their session open and wait as they were asked to. */
  readonly waiting: number
  /** How many commits met writes of others for the first, second, … time (index 1, 2, …). */
  readonly conflicts: readonly number[]
  /** The longest that this process stood still since the last `reset`. */
  readonly loopDelayMs: number
}

export const SECRET = 'a secret of the fault matrix, long enough'

/** One app server in a process of its own. */
export class AppProcess {
  readonly #settings: AppSettings
  readonly #options: AppOptions
  readonly #past: string[] = []
  #child: Child
  #client: Client

  private constructor(settings: AppSettings, options: AppOptions, child: Child, client: Client) {
    this.#settings = settings
    this.#options = options
    this.#child = child
    this.#client = client
  }

  static async start(settings: AppSettings, options: AppOptions = {}): Promise<AppProcess> {
    const { child, client } = await launch(settings, options)
    return new AppProcess(settings, options, child, client)
  }

  get(path: string, cookie?: string): Promise<Answer> {
    return this.#client.get(path, cookie)
  }

  /**
   * By the id of the session, when a write of it was acknowledged by fewer servers than it should be: ms since the epoch. In
   * all its lives.
   */
  degraded(): ReadonlyMap<string, readonly number[]> {
    const times = new Map<string, number[]>()
    for (const [, id = '', time] of [...this.#past, this.#child.output()].join('').matchAll(/^degraded (\S+) (\d+)$/gm))
      times.set(id, [...(times.get(id) ?? []), Number(time)])
    return times
  }

  /** `reset`: what it stood still counts from now. */
  async report({ reset = false } = {}): Promise<AppReport> {
    return JSON.parse((await this.get(reset ? '/report?reset' : '/report')).body) as AppReport
  }

  async kill(): Promise<void> {
    await this.#child.stop('SIGKILL')
    this.#client.close()
  }

  /** SIGSTOP. Resolves when it stands still. */
  pause(): Promise<void> {
    return freeze(this.#child.pid)
  }

  resume(): void {
    process.kill(this.#child.pid, 'SIGCONT')
  }

  /** Gives up what is under way in it: those requests are cut. */
  giveUp(): void {
    this.#client.close()
  }

  /** SIGTERM. Resolves when it has ended by itself. */
  async leave(): Promise<void> {
    const { code, signal } = await this.#child.stop()
    this.#client.close()
    if (code !== 0) throw new Error(`An app ended with ${signal ?? code}. It printed:\n${this.#child.output()}`)
  }

  /** `settings` and `options`: of this start alone, in place of its own. */
  async restart(settings?: Partial<AppSettings>, options?: AppOptions): Promise<void> {
    const env = { ...this.#options.env, ...options?.env }
    const { child, client } = await launch({ ...this.#settings, ...settings }, { ...this.#options, ...options, env })
    this.#past.push(this.#child.output())
    this.#child = child
    this.#client = client
  }

  async stop(): Promise<void> {
    this.#client.close()
    await this.#child.stop()
  }
}

async function launch(settings: AppSettings, options: AppOptions): Promise<{ child: Child; client: Client }> {
  const env = { NODE_ENV: 'production', APP_SETTINGS: JSON.stringify(settings), ...options.env }
  const child = startNode('test/faults/app.ts', { env })
  const [, port] = await child.printed(/listening on (\d+)/, 60_000)
  return { child, client: new Client(Number(port), options) }
}

export const startApps = (count: number, settings: AppSettings, options?: ClientOptions): Promise<AppProcess[]> =>
  Promise.all(Array.from({ length: count }, () => AppProcess.start(settings, options)))
