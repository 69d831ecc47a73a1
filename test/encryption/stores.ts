import { randomUUID } from 'node:crypto'
import { encrypted, type SessionOptions } from '@holdfast/core'
import { hazelcastStore } from '@holdfast/hazelcast'
import { Redis } from 'ioredis'
import { connectHazelcast } from '../guarantees/hazelcast-stores.js'
import { sharedHazelcast } from '../servers/hazelcast-shared.js'
import { requireHazelcast } from '../servers/hazelcast-program.js'
import { startMemcached, type MemcachedServer } from '../servers/memcached.js'
import { startRedis } from '../servers/redis.js'
import { requireServer } from '../servers/require-server.js'

type Keys = SessionOptions['encryptionKeys']

/** A kind of servers, as an engine gets them and as who runs them sees them. */
export interface StoresUnderTest {
  /** Opened by a URL. */
  readonly url: string
  /** The options of one more engine; no keys: not encrypted. */
  options(keys: Keys): Pick<SessionOptions, 'store' | 'encryptionKeys'>
  /** All keys and values that are there, as text. */
  dump(): Promise<string>
  stop(): Promise<void>
}

const byUrl =
  (url: string): StoresUnderTest['options'] =>
  (keys) => ({ store: url, ...(keys !== undefined && { encryptionKeys: keys }) })

async function redis(): Promise<StoresUnderTest> {
  const server = await startRedis()
  const client = new Redis(server.url)
  return {
    url: server.url,
    options: byUrl(server.url),
    async dump() {
      const keys = await client.keys('*')
      return [...keys, ...(keys.length > 0 ? await client.mget(keys) : [])].join('\n')
    },
    async stop() {
      client.disconnect()
      await server.stop()
    },
  }
}

/** Two servers, each session on both. */
async function memcached(): Promise<StoresUnderTest> {
  const servers = [await startMemcached(), await startMemcached()]
  const url = `memcached://${servers.map(({ address }) => address).join(',')}?copies=2`
  return {
    url,
    options: byUrl(url),
    dump: async () => (await Promise.all(servers.map(itemsOf))).flat().join('\n'),
    stop: async () => void (await Promise.all(servers.map((server) => server.stop()))),
  }
}

async function itemsOf(server: MemcachedServer): Promise<readonly string[]> {
  const listed = await server.command('lru_crawler metadump all')
  const keys = [...listed.matchAll(/^key=(\S+)/gm)].map(([, key = '']) => decodeURIComponent(key))
  return Promise.all(keys.map(async (key) => `${key} ${await server.get(key)}`))
}

/** A map of its own. Stores that are made of clients, as a client takes long to connect. */
async function hazelcast(): Promise<StoresUnderTest> {
  const { url, clusterName, addresses } = await sharedHazelcast()
  const map = `sessions-${randomUUID()}`
  const client = await connectHazelcast(clusterName, addresses)
  const stored = await client.getMap<string, string>(map)
  return {
    url: url.replace('/sessions?', `/${map}?`),
    options(keys) {
      const store = hazelcastStore({ client, map })
      return { store: keys === undefined ? store : encrypted(store, { keys }) }
    },
    dump: async () => (await stored.entrySet()).flat().join('\n'),
    async stop() {
      await stored.destroy()
      await client.shutdown()
    },
  }
}

export const kinds = [
  { name: 'Redis', start: redis, isMissing: (await requireServer('redis-server')) === undefined },
  { name: 'two Memcached', start: memcached, isMissing: (await requireServer('memcached')) === undefined },
  { name: 'Hazelcast', start: hazelcast, isMissing: (await requireHazelcast()) === undefined },
] as const
