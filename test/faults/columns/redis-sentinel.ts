import { startRedisSentinel } from '../../servers/redis-sentinel.js'
import { until } from '../../servers/until.js'
import type { Column } from '../column.js'
import { redisServer, redisVictim } from './redis-victim.js'
import { sessionsIn } from './session-server.js'

/** A master, two replicas and three Sentinels. */
export const redisSentinel: Column = {
  name: 'redis-sentinel',
  title: 'Redis with Sentinel',
  family: 'redis',
  async start({ replicated = false, direct = false }) {
    const set = await startRedisSentinel({ proxied: !direct })
    const [sentinel] = set.sentinels
    return {
      options: { store: set.url + (replicated ? '?durability=replicated-all' : '') },
      async victims() {
        const server = await set.master()
        const failover = async () => void (await sentinel?.command('SENTINEL', 'FAILOVER', set.name))
        const replaced = () => until('a replica leads', async () => (await set.master()) !== server)
        const victim = redisVictim({
          server,
          link: server.proxy,
          share: 'all',
          replicas: 2,
          isWatched: true,
          failover,
          replaced,
        })
        return [
          {
            ...victim,
            demote: async () => void (await server.command('REPLICAOF', '127.0.0.1', 1)),
            promote: async () => void (await server.command('REPLICAOF', 'NO', 'ONE')),
          },
        ]
      },
      settled: () => set.settled(),
      ...sessionsIn({ all: async () => [redisServer(await set.master())] }),
      stop: () => set.stop(),
    }
  },
}
