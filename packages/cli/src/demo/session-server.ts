import type { Approach } from './approaches.js'
import { hostOf } from './find-redis.js'
import { redisNotices } from './notices.js'
import { RedisServer } from './redis-server.js'
import type { SessionServerState } from './state.js'

export interface SessionServerOptions {
  readonly store: Approach['store']
  readonly onChange: () => void
  /** The demo's own Redis ended and nobody had asked for it. */
  readonly onCrash: (notice: string) => void
}

/**
 * What the app servers share their sessions through: the demo's own Redis, one that was given and is not touched, or
 * nothing. Each of `kill` to `thaw` gives what there is to say of it; `undefined`: it does not fit the state.
 */
export class SessionServer {
  readonly #redis: RedisServer
  #store: Approach['store']

  constructor({ store, onChange, onCrash }: SessionServerOptions) {
    this.#store = store
    this.#redis = new RedisServer({ onChange, onCrash: () => onCrash(redisNotices.crashed) })
  }

  /** The app servers share their sessions. */
  get isThere(): boolean {
    return typeof this.#store !== 'string'
  }

  /** The `SESSION_STORE` of the app servers. */
  get url(): string {
    if (typeof this.#store === 'string') return this.#store
    return 'url' in this.#store ? this.#store.url : this.#redis.url
  }

  get state(): SessionServerState | undefined {
    if (typeof this.#store === 'string') return undefined
    const address = hostOf(this.url)
    if ('url' in this.#store) return { status: 'given', pid: undefined, address }
    const { status } = this.#redis
    return { status: status.is, pid: 'pid' in status ? status.pid : undefined, address }
  }

  /** Ends what ran before. A Redis of the demo is started, empty; rejects when it does not start. */
  async use(store: Approach['store']): Promise<void> {
    await this.close()
    this.#store = store
    await this.restart()
  }

  async kill(): Promise<string | undefined> {
    const { status } = this.#redis
    if (status.is !== 'running' && status.is !== 'frozen') return undefined
    await this.#redis.kill()
    return redisNotices.killed(status.pid)
  }

  /** Rejects when it does not start. */
  async restart(): Promise<string | undefined> {
    if (typeof this.#store === 'string' || 'url' in this.#store) return undefined
    if (this.#redis.status.is !== 'stopped') return undefined
    await this.#redis.start(this.#store.program)
    return redisNotices.isBack
  }

  freeze(): string | undefined {
    const { status } = this.#redis
    if (status.is !== 'running') return undefined
    this.#redis.freeze()
    return redisNotices.frozen(status.pid)
  }

  thaw(): string | undefined {
    if (this.#redis.status.is !== 'frozen') return undefined
    this.#redis.thaw()
    return redisNotices.thawed
  }

  close(): Promise<void> {
    return this.#redis.kill()
  }
}
