import { randomUUID } from 'node:crypto'
import { replicate, type SessionStore } from '@holdfast/core'
import { memcachedStore } from '@holdfast/memcached'
import { startMemcached, type MemcachedServer } from '../servers/memcached.js'
import type { SharedStore, StoreUnderTest } from './stores.js'

export const memcachedStores: readonly StoreUnderTest[] = [
  underTest('memcached', 1, ([store]) => store as SessionStore),
  underTest('memcached-3', 3, ([a, b, c], clock) =>
    replicate({ a, b, c } as Record<string, SessionStore>, { copies: 2, clock }),
  ),
]

function underTest(
  name: string,
  count: number,
  join: (stores: readonly SessionStore[], clock: () => number) => SessionStore,
): StoreUnderTest {
  let servers: readonly MemcachedServer[] = []
  return {
    name,
    pace: 'ms',
    reportsChanges: false,
    async start() {
      servers = await Promise.all(Array.from({ length: count }, () => startMemcached()))
    },
    async stop() {
      await Promise.all(servers.map((server) => server.stop()))
    },
    async open(clock) {
      const prefix = newPrefix()
      return connecting(() =>
        join(
          servers.map((server) => memcachedStore({ server: server.address, prefix, clock })),
          clock,
        ),
      )
    },
  }
}

/** Each test has keys of its own. */
export const newPrefix = (): string => `${randomUUID()}:`

/** Connections of its own for each app server, closed with the test. */
export function connecting(connect: () => SessionStore): SharedStore {
  const opened: SessionStore[] = []
  return {
    connect() {
      const store = connect()
      opened.push(store)
      return store
    },
    close: async () => void (await Promise.all(opened.map((store) => store.close()))),
  }
}
