import { once } from 'node:events'
import { failover, type SessionStore } from '@holdfast/core'
import { memcachedStore } from '@holdfast/memcached'
import { redisStore } from '@holdfast/redis'
import { Redis } from 'ioredis'
import { startMemcached } from '../servers/memcached.js'
import { startRedis } from '../servers/redis.js'
import { connecting, newPrefix } from './memcached-stores.js'
import { CLIENTS, clientSettings } from './redis-stores.js'
import type { StoreUnderTest } from './stores.js'

type Connect = (prefix: string, clock: () => number) => SessionStore

/** One server, and what an app server gets to work with it. */
interface Place {
  readonly connect: Connect
  stop(): Promise<void>
}

export const redisStandby = pair('redis-standby', true, redisPlace)
export const redisMemcached = pair('redis-memcached', false, memcachedPlace)

function pair(name: string, reportsChanges: boolean, startStandby: () => Promise<Place>): StoreUnderTest {
  let places: readonly Place[] = []
  return {
    name,
    pace: 'ms',
    reportsChanges,
    async start() {
      places = await Promise.all([redisPlace(), startStandby()])
    },
    async stop() {
      await Promise.all(places.map((place) => place.stop()))
    },
    async open(clock) {
      const prefix = newPrefix()
      return connecting(() => {
        const [primary, standby] = places.map(({ connect }) => connect(prefix, clock))
        return failover(primary as SessionStore, standby as SessionStore, { clock })
      })
    },
  }
}

/** Clients that stay: there is one for each app server that a site may have. */
async function redisPlace(): Promise<Place> {
  const server = await startRedis()
  const clients = Array.from({ length: CLIENTS }, () => new Redis(server.url, clientSettings))
  await Promise.all(clients.map((client) => once(client, 'ready')))
  let next = 0
  return {
    connect: (prefix, clock) => redisStore({ client: clients[next++ % CLIENTS] as Redis, prefix, clock }),
    async stop() {
      for (const client of clients) client.disconnect()
      await server.stop()
    },
  }
}

async function memcachedPlace(): Promise<Place> {
  const server = await startMemcached()
  return {
    connect: (prefix, clock) => memcachedStore({ server: server.address, prefix, clock }),
    stop: () => server.stop(),
  }
}
