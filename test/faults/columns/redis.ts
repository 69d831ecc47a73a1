import { faultProxy } from '../../servers/fault-proxy.js'
import { startRedis } from '../../servers/redis.js'
import type { Column } from '../column.js'
import { redisSessions, redisVictim } from './redis-victim.js'

/** One Redis server, which saves nothing unless asked to. */
export const redis: Column = {
  name: 'redis',
  title: 'one Redis',
  family: 'redis',
  async start({ persistent = false, direct = false }) {
    const server = await startRedis({ persistent })
    const link = await faultProxy(server)
    const victim = redisVictim({ server, link, share: 'all', replicas: 0, isWatched: false })
    return {
      url: direct ? server.url : `redis://${link.host}:${link.port}`,
      aim: async () => ({
        ...victim,
        demote: async () => void (await server.command('REPLICAOF', '127.0.0.1', 1)),
        promote: async () => void (await server.command('REPLICAOF', 'NO', 'ONE')),
      }),
      settled: () => link.heal(),
      ...redisSessions(
        async () => server,
        async () => [server],
      ),
      async stop() {
        await link.close()
        await server.stop()
      },
    }
  },
}
