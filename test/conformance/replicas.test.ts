import { createKey, storeConformance, type StoreConformanceOptions, type StoreTraits } from '@holdfast/conformance'
import { failover, replicate, type SessionStore } from '@holdfast/core'
import { memcachedStore } from '@holdfast/memcached'
import { redis } from '@holdfast/redis'
import { afterAll, beforeAll, describe, test, vi } from 'vitest'
import { startMemcached, type MemcachedServer } from '../servers/memcached.js'
import { startRedis, type RedisServer } from '../servers/redis.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import { calmTest } from './calm-test.js'
import { Backend, MapStore, MAX_RECORD_BYTES } from './map-store.js'

const missing = (await requireServer('redis-server')) === undefined || (await requireServer('memcached')) === undefined

// A thousand random sequences run over copies in memory; over each kind of servers fewer.
const RUNS_ON_SERVERS = process.env['HOLDFAST_RUNS'] ?? '200'

type CreateStore = StoreConformanceOptions['createStore']
type Context = Parameters<CreateStore>[0]

const kinds = {
  Redis: {
    start: () => startRedis(),
    open: async (server: RedisServer | MemcachedServer, { clock }: Context) =>
      redis.open(server.url, { clock, idleMs: 1, absoluteMs: 1 }),
  },
  Memcached: {
    start: () => startMemcached(),
    open: async (server: RedisServer | MemcachedServer, { clock }: Context) =>
      memcachedStore({ server: `${server.host}:${server.port}`, clock }),
  },
}

/** Servers of these kinds, one store on each, and what `join` makes of the stores. */
function onServers(
  names: readonly (keyof typeof kinds)[],
  join: (stores: readonly SessionStore[], context: Context) => SessionStore,
  more: StoreTraits = {},
): void {
  const servers: (RedisServer | MemcachedServer)[] = []
  beforeAll(async () => {
    for (const name of names) servers.push(await kinds[name].start())
  })
  afterAll(() => Promise.all(servers.map((server) => server.stop())))

  const createStore: CreateStore = async (context) => {
    const stores = await Promise.all(names.map((name, at) => kinds[name].open(servers[at] as RedisServer, context)))
    for (const store of stores)
      await until('the store answers', async () => (await store.read(createKey())) === undefined)
    return join(stores, context)
  }
  const hang = async () => {
    for (const server of servers) await server.pause()
    return async () => servers.forEach((server) => server.resume())
  }
  const traits = { shared: true, ...(names.includes('Memcached') && { maxRecordBytes: 1_000_000 }), ...more }
  vi.stubEnv('HOLDFAST_RUNS', RUNS_ON_SERVERS)
  storeConformance({ describe, test: calmTest, hang, traits, createStore })
  vi.unstubAllEnvs()
}

const threeCopiedTwice = (stores: readonly SessionStore[], { clock }: Context): SessionStore =>
  replicate(Object.fromEntries(stores.map((store, at) => [`server-${at}`, store])), { copies: 2, clock })

const primaryAndStandby = ([primary, standby]: readonly SessionStore[], { clock }: Context): SessionStore =>
  failover(primary as SessionStore, standby as SessionStore, { clock })

describe('replicate over three stores that other processes share', () => {
  const backends = [new Backend(), new Backend(), new Backend()]
  storeConformance({
    describe,
    test,
    createStore: (context) =>
      threeCopiedTwice(
        backends.map((backend) => new MapStore(context.clock, backend)),
        context,
      ),
    hang: async () => {
      for (const backend of backends) backend.hangs = true
      return async () => {
        for (const backend of backends) backend.hangs = false
      }
    },
    traits: { shared: true, maxRecordBytes: MAX_RECORD_BYTES },
  })
})

describe.skipIf(missing)('replicate over three Redis', () => onServers(['Redis', 'Redis', 'Redis'], threeCopiedTwice))

describe.skipIf(missing)('replicate over three Memcached', () =>
  onServers(['Memcached', 'Memcached', 'Memcached'], threeCopiedTwice),
)

describe.skipIf(missing)('failover from Redis to Redis', () => onServers(['Redis', 'Redis'], primaryAndStandby))

describe.skipIf(missing)('failover from Redis to Memcached', () =>
  onServers(['Redis', 'Memcached'], primaryAndStandby, {
    differences: {
      'records and keys: refuses a record that is too large with SessionTooLargeError, keeps what is there and goes on':
        'the primary has taken it before the standby refuses it',
    },
  }),
)
