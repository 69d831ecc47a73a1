import { once } from 'node:events'
import { createKey, storeConformance, type StoreConformanceOptions } from '@holdfast/conformance'
import { redis, redisStore } from '@holdfast/redis'
import { Redis as Redis5 } from 'ioredis5'
import { afterAll, afterEach, beforeAll, describe, vi } from 'vitest'
import type { RedisNode } from '../servers/redis-node.js'
import { startRedis, type RedisServer } from '../servers/redis.js'
import { startRedisCluster, type RedisCluster } from '../servers/redis-cluster.js'
import { startRedisSentinel, type RedisSentinel } from '../servers/redis-sentinel.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import { calmTest } from './calm-test.js'

const program = await requireServer('redis-server')
const traits = { shared: true }

/** A store that is connected: to find all nodes of a Cluster may take longer than a call, on a busy machine. */
const open =
  (url: () => string): StoreConformanceOptions['createStore'] =>
  async ({ clock }) => {
    const store = await redis.open(url(), { clock, idleMs: 1, absoluteMs: 1 })
    await until('the store answers', async () => (await store.read(createKey())) === undefined)
    return store
  }

describe.skipIf(program === undefined)('Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server?.stop())

  const hang = async () => {
    server.pause()
    return async () => server.resume()
  }

  describe('opened by its URL', () => {
    storeConformance({ describe, test: calmTest, hang, traits, createStore: open(() => server.url) })
  })

  describe('with a client of ioredis 5', () => {
    // The same scripts behind every way to Redis: a thousand random sequences above, fewer here and below.
    vi.stubEnv('HOLDFAST_RUNS', process.env['HOLDFAST_RUNS'] ?? '200')
    const clients: Redis5[] = []
    afterEach(() => {
      for (const client of clients.splice(0)) client.disconnect()
    })

    storeConformance({
      describe,
      test: calmTest,
      hang,
      traits,
      async createStore({ clock }) {
        const client = new Redis5(server.url, {
          enableOfflineQueue: false,
          autoResendUnfulfilledCommands: false,
          maxRetriesPerRequest: 0,
        })
        clients.push(client)
        await once(client, 'ready')
        return redisStore({ client, prefix: 'ioredis5:', clock })
      },
    })
  })
})

/** Apps hear nothing from any node, what servers say to each other passes: nothing fails over. */
const silence = async (nodes: readonly RedisNode[]) => {
  for (const { proxy } of nodes) proxy.delay(3_600_000, { from: '127.0.0.1', direction: 'toClient' })
  return async () => {
    await Promise.all(nodes.map(({ proxy }) => proxy.heal()))
  }
}

describe.skipIf(program === undefined)('Redis with Sentinel', () => {
  let set: RedisSentinel
  beforeAll(async () => {
    set = await startRedisSentinel({ proxied: true })
  })
  afterAll(() => set?.stop())

  storeConformance({
    describe,
    test: calmTest,
    hang: () => silence(set.servers),
    traits,
    createStore: open(() => set.url),
  })
})

describe.skipIf(program === undefined)('Redis Cluster', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await startRedisCluster({ proxied: true })
  })
  afterAll(() => cluster?.stop())

  storeConformance({
    describe,
    test: calmTest,
    hang: () => silence(cluster.nodes),
    traits,
    createStore: open(() => cluster.url),
  })
})
