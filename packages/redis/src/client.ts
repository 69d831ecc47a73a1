import { ConfigError } from '@holdfast/core'

type Listener = (...args: unknown[]) => void

/** What this package needs of an emitter of ioredis. */
interface Emitter {
  on(event: string, listener: Listener): unknown
  off(event: string, listener: Listener): unknown
}

interface Commands extends Emitter {
  readonly status: string
  get(key: string): Promise<string | null>
  eval(script: string, keys: number, ...args: string[]): Promise<unknown>
  evalsha(sha: string, keys: number, ...args: string[]): Promise<unknown>
  connect(): Promise<unknown>
  disconnect(reconnect?: boolean): void
}

export interface ConnectionStream {
  readonly writable: boolean
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  destroy(): unknown
  cork(): void
  uncork(): void
}

/** What this package uses of one connection: the `Redis` of ioredis 5 and 6, whichever copy of it. */
export interface RedisConnection extends Commands {
  readonly options: ConnectionOptions
  readonly stream?: ConnectionStream | undefined
  call(command: string, ...args: string[]): Promise<unknown>
  duplicate(override: object): RedisConnection
  pipeline(): RedisPipeline
}

export interface RedisPipeline {
  get(key: string): RedisPipeline
  eval(script: string, keys: number, ...args: string[]): RedisPipeline
  evalsha(sha: string, keys: number, ...args: string[]): RedisPipeline
  call(command: string, ...args: string[]): RedisPipeline
  exec(): Promise<[error: Error | null, reply: unknown][] | null>
}

/** What this package uses of a `Cluster` of ioredis 5 and 6. */
export interface RedisCluster extends Commands {
  readonly options: ClusterOptions
  /** For each slot the addresses, `host:port`, of its master and of its replicas. */
  readonly slots: readonly (readonly string[] | undefined)[]
  nodes(role: 'master' | 'all'): RedisConnection[]
  refreshSlotsCache(): void
}

export type RedisClient = RedisConnection | RedisCluster

/** The settings that matter here. */
export interface ConnectionOptions {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly keyPrefix?: string | undefined
  readonly enableOfflineQueue?: boolean | undefined
  readonly autoResendUnfulfilledCommands?: boolean | undefined
  readonly maxRetriesPerRequest?: number | null | undefined
  readonly connectTimeout?: number | undefined
  readonly commandTimeout?: number | undefined
  readonly enableAutoPipelining?: boolean | undefined
  readonly sentinels?: readonly unknown[] | null | undefined
  readonly name?: string | null | undefined
  readonly sentinelUsername?: string | undefined
  readonly sentinelPassword?: string | null | undefined
  readonly sentinelTLS?: unknown
}

export interface ClusterOptions {
  readonly keyPrefix?: string | undefined
  readonly enableOfflineQueue?: boolean | undefined
  readonly enableAutoPipelining?: boolean | undefined
  readonly scaleReads?: unknown
  readonly redisOptions?: ConnectionOptions | undefined
}

export const isCluster = (client: RedisClient): client is RedisCluster =>
  (client as { readonly isCluster?: boolean }).isCluster === true

/** Tells by its shape: an app may have several copies of ioredis, so `instanceof` does not. Throws `ConfigError`. */
export function assertClient(client: unknown): asserts client is RedisClient {
  if (typeof client === 'object' && client !== null) {
    if (['evalsha', 'disconnect', 'connect', 'on'].every((name) => isFunction(client, name)) && 'status' in client)
      return
    if (isFunction(client, 'sendCommand') && (isFunction(client, 'evalSha') || isFunction(client, 'EVALSHA'))) {
      throw new ConfigError(
        "redisStore: client is one of the package 'redis' (node-redis). Holdfast needs ioredis: npm install ioredis, and give `new Redis(url)` from it, or give createSessions the URL itself: store: 'redis://…'.",
      )
    }
  }
  const kind = client === null ? 'null' : typeof client === 'object' ? 'no client of ioredis' : typeof client
  throw new ConfigError(
    `redisStore: client is ${kind}. Give a client of ioredis, \`new Redis(url)\` or \`new Cluster(nodes)\`, or give createSessions a URL: store: 'redis://…'.`,
  )
}

const isFunction = (object: object, name: string): boolean =>
  typeof (object as Readonly<Record<string, unknown>>)[name] === 'function'
