import { faultProxy } from '../../servers/fault-proxy.js'
import { startRedis } from '../../servers/redis.js'
import type { Column, Victim } from '../column.js'
import { linkedMemcached, memcachedServer, memcachedVictim } from './memcached-victim.js'
import { redisServer, redisVictim } from './redis-victim.js'
import { sessionsIn, type SessionServer } from './session-server.js'

/** Both are struck, one after the other. */
interface Place {
  readonly url: { readonly direct: string; readonly linked: string }
  readonly victim: Victim
  readonly server: SessionServer
  stop(): Promise<void>
}

const standbyColumn = (name: string, title: string, startStandby: () => Promise<Place>): Column => ({
  name,
  title,
  family: 'failover',
  copies: 2,
  async start({ direct = false }) {
    const places = await Promise.all([redisPlace(), startStandby()])
    const [store, failover] = places.map(({ url }) => (direct ? url.direct : url.linked)) as [string, string]
    return {
      options: { store, failover },
      victims: async () => places.map(({ victim }) => victim),
      settled: async () => void (await Promise.all(places.map(({ victim }) => victim.link.heal()))),
      ...sessionsIn({ all: async () => places.map(({ server }) => server), copies: 2 }),
      stop: async () => void (await Promise.all(places.map(({ stop }) => stop()))),
    }
  },
})

/** It has in its files what it has acknowledged, unless it is restarted empty. */
async function redisPlace(): Promise<Place> {
  const server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'no'] })
  const link = await faultProxy(server)
  return {
    url: { direct: server.url, linked: `redis://${link.host}:${link.port}` },
    victim: redisVictim({ server, link, saves: true, share: 'all', replicas: 1, isWatched: true }),
    server: redisServer(server),
    async stop() {
      await link.close()
      await server.stop()
    },
  }
}

async function memcachedPlace(): Promise<Place> {
  const { server, link, stop } = await linkedMemcached()
  return {
    url: { direct: server.url, linked: `memcached://${link.host}:${link.port}` },
    victim: memcachedVictim({ server, link }, { share: 'all', replicas: 1 }),
    server: memcachedServer(server),
    stop,
  }
}

export const redisStandby = standbyColumn('redis-standby', 'Redis, and Redis as its standby', redisPlace)
export const redisMemcached = standbyColumn('redis-memcached', 'Redis, and Memcached as its standby', memcachedPlace)
