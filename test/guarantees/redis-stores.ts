import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { redisStore } from '@holdfast/redis'
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { startRedis } from '../servers/redis.js'
import { startRedisCluster } from '../servers/redis-cluster.js'
import { startRedisSentinel } from '../servers/redis-sentinel.js'
import type { SharedStore, StoreUnderTest } from './stores.js'

type Client = Redis | Cluster

/** Servers, and a way to get a client of its own to them. */
interface Servers {
  connect(): Client
  stop(): Promise<void>
}

/** As the handbook says for clients that are passed to `redisStore`. */
export const clientSettings = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
} satisfies RedisOptions

const single = async (): Promise<Servers> => {
  const server = await startRedis()
  return { connect: () => new Redis(server.url, clientSettings), stop: () => server.stop() }
}

const sentinel = async (): Promise<Servers> => {
  const { sentinels, name, stop } = await startRedisSentinel()
  return { connect: () => new Redis({ ...clientSettings, sentinels: [...sentinels], name }), stop }
}

const cluster = async (): Promise<Servers> => {
  const { nodes, stop } = await startRedisCluster()
  const addresses = nodes.map(({ address }) => address)
  return { connect: () => new Cluster(addresses, { enableOfflineQueue: false, redisOptions: clientSettings }), stop }
}

export const redisStores: readonly StoreUnderTest[] = [
  underTest('redis', single),
  underTest('redis-sentinel', sentinel),
  underTest('redis-cluster', cluster),
]

/** App servers that a site may have at one time. */
export const CLIENTS = 3

function underTest(name: string, startServers: () => Promise<Servers>): StoreUnderTest {
  let servers: Servers | undefined
  let clients: readonly Client[] = []
  return {
    name,
    pace: 'ms',
    reportsChanges: true,
    async start() {
      const started = await startServers()
      servers = started
      clients = Array.from({ length: CLIENTS }, () => started.connect())
      await Promise.all(clients.map((client) => once(client, 'ready')))
    },
    async stop() {
      for (const client of clients) client.disconnect()
      await servers?.stop()
    },
    open: async (clock) => onClients(clients, clock),
  }
}

/** Each test has keys of its own, and each app server a connection of its own. */
function onClients(clients: readonly Client[], clock: () => number): SharedStore {
  const prefix = `${randomUUID()}:`
  let next = 0
  return {
    connect() {
      const client = clients[next++]
      if (!client) throw new Error(`There are clients for ${clients.length} app servers.`)
      return redisStore({ client, prefix, clock })
    },
    close: async () => {},
  }
}
