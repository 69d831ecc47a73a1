import type { SessionStore } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { afterAll, beforeAll } from 'vitest'
import { requireHazelcast } from '../servers/hazelcast-program.js'
import { requireServer } from '../servers/require-server.js'
import { hazelcastCluster } from './hazelcast-stores.js'
import { memcachedStores } from './memcached-stores.js'
import { peers } from './peer-stores.js'
import { redisStores } from './redis-stores.js'
import { redisMemcached, redisStandby } from './standby-stores.js'

/** A store that several app servers share, opened anew for each test. */
export interface SharedStore {
  /** What one server works with: a connection of its own where there are connections. */
  connect(): SessionStore
  close(): Promise<void>
}

export interface StoreUnderTest {
  /** As `docs/guarantees.json` names it: small letters and hyphens. */
  readonly name: string
  /** How the time of a calm site goes by, see `calmTime`: `'ms'` where answers come from other processes. */
  readonly pace: 'turns' | 'ms'
  /** It tells every server what others change (`onChange`). */
  readonly reportsChanges: boolean
  /** Starts what it needs on this machine, see `running`. */
  start?(): Promise<void>
  stop?(): Promise<void>
  open(clock: () => number): Promise<SharedStore>
}

const inProcess = (store: SessionStore): SharedStore => ({ connect: () => store, close: () => store.close() })

export const memory: StoreUnderTest = {
  name: 'memory',
  pace: 'turns',
  reportsChanges: false,
  open: async (clock) => inProcess(memoryStore({ clock })),
}

const hasRedis = (await requireServer('redis-server')) !== undefined
const hasMemcached = (await requireServer('memcached')) !== undefined
const hasHazelcast = (await requireHazelcast()) !== undefined

/** The stores that the guarantees are claimed for, as far as this machine has their servers. */
export const stores: readonly StoreUnderTest[] = [
  memory,
  peers,
  ...(hasRedis ? [...redisStores, redisStandby] : []),
  ...(hasMemcached ? memcachedStores : []),
  ...(hasRedis && hasMemcached ? [redisMemcached] : []),
  ...(hasHazelcast ? [hazelcastCluster] : []),
]

/** The members of a cluster start slowly where all cores are busy. */
const START_MS = 150_000

/** To be called in the `describe` of a store: its servers run while the tests in it do. */
export function running(on: StoreUnderTest): void {
  beforeAll(() => on.start?.(), START_MS)
  afterAll(() => on.stop?.())
}

/** For `describe.each` with `%s`, which prints a name as it is. */
export const named = <T extends { readonly name: string }>(all: readonly T[]): [string, T][] =>
  all.map((one) => [one.name, one])
