import { startMemcached } from '../servers/memcached.js'
import { faultProxy, type FaultProxy } from '../servers/fault-proxy.js'
import type { RedisNode } from '../servers/redis-node.js'
import { startRedis } from '../servers/redis.js'
import { startRedisCluster } from '../servers/redis-cluster.js'
import { startRedisSentinel } from '../servers/redis-sentinel.js'

interface Struck {
  pause(): void | Promise<void>
  resume(): void
  kill(): Promise<void>
  restart(): Promise<void>
}

/** The server that has the session of a test, and the line that its app servers have to it. */
export interface Home {
  readonly server: Struck
  readonly proxy: FaultProxy
}

/** Servers to which bad things are done, opened by their URL. */
export interface Victim {
  readonly url: string
  homeOf(key: string): Promise<Home>
  /** All is as at the start. */
  settled(): Promise<void>
  stop(): Promise<void>
}

export interface VictimKind {
  /** As `docs/guarantees.json` names it. */
  readonly name: string
  /** Another server takes over from one that is dead or hangs. */
  readonly failsOver: boolean
  /** Sessions lie on several servers, each on one. */
  readonly spreadsKeys: boolean
  /** A server that was killed comes back without its data. */
  readonly forgets?: boolean
  start(): Promise<Victim>
}

export const redisVictims: readonly VictimKind[] = [
  { name: 'redis', failsOver: false, spreadsKeys: false, start: single },
  { name: 'redis-sentinel', failsOver: true, spreadsKeys: false, start: sentinel },
  { name: 'redis-cluster', failsOver: true, spreadsKeys: true, start: cluster },
]

export const memcachedVictims: readonly VictimKind[] = [
  { name: 'memcached', failsOver: false, spreadsKeys: false, forgets: true, start: oneMemcached },
]

async function oneMemcached(): Promise<Victim> {
  const server = await startMemcached()
  const proxy = await faultProxy(server)
  return {
    url: `memcached://${proxy.host}:${proxy.port}`,
    homeOf: async () => ({ server, proxy }),
    settled: async () => {},
    stop: async () => void (await Promise.all([proxy.close(), server.stop()])),
  }
}

async function single(): Promise<Victim> {
  const server = await startRedis({ persistent: true })
  const proxy = await faultProxy(server)
  return {
    url: `redis://${proxy.host}:${proxy.port}`,
    homeOf: async () => ({ server, proxy }),
    settled: async () => {},
    stop: async () => {
      await Promise.all([proxy.close(), server.stop()])
    },
  }
}

async function sentinel(): Promise<Victim> {
  const set = await startRedisSentinel({ proxied: true })
  return {
    url: set.url,
    homeOf: async () => homeAt(await set.master()),
    settled: () => set.settled(),
    stop: () => set.stop(),
  }
}

async function cluster(): Promise<Victim> {
  const set = await startRedisCluster({ proxied: true })
  return {
    url: set.url,
    homeOf: async (key) => homeAt(await set.masterOf(key)),
    settled: () => set.settled(),
    stop: () => set.stop(),
  }
}

const homeAt = (server: RedisNode): Home => ({ server, proxy: server.proxy })
