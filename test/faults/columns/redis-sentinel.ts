import { startRedisSentinel } from '../../servers/redis-sentinel.js'
import type { Column } from '../column.js'
import { redisSessions, redisVictim } from './redis-victim.js'

/** A master, two replicas and three Sentinels. */
export const redisSentinel: Column = {
  name: 'redis-sentinel',
  title: 'Redis with Sentinel',
  family: 'redis',
  async start({ replicated = false }) {
    const set = await startRedisSentinel({ proxied: true })
    const [sentinel] = set.sentinels
    return {
      url: set.url + (replicated ? '?durability=replicated-all' : ''),
      async aim() {
        const server = await set.master()
        const failover = async () => void (await sentinel?.command('SENTINEL', 'FAILOVER', set.name))
        const victim = redisVictim({
          server,
          link: server.proxy,
          share: 'all',
          hasReplica: true,
          isWatched: true,
          failover,
        })
        return {
          ...victim,
          demote: async () => void (await server.command('REPLICAOF', '127.0.0.1', 1)),
          promote: async () => void (await server.command('REPLICAOF', 'NO', 'ONE')),
        }
      },
      settled: () => set.settled(),
      ...redisSessions(
        () => set.master(),
        async () => [await set.master()],
      ),
      stop: () => set.stop(),
    }
  },
}
