import { faultProxy } from '../../servers/fault-proxy.js'
import { startRedis } from '../../servers/redis.js'
import type { Column } from '../column.js'
import { redisServer, redisVictim } from './redis-victim.js'
import { sessionsIn } from './session-server.js'

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
      options: { store: direct ? server.url : `redis://${link.host}:${link.port}` },
      victims: async () => [
        {
          ...victim,
          demote: async () => void (await server.command('REPLICAOF', '127.0.0.1', 1)),
          promote: async () => void (await server.command('REPLICAOF', 'NO', 'ONE')),
        },
      ],
      settled: () => link.heal(),
      ...sessionsIn({ all: async () => [redisServer(server)] }),
      async stop() {
        await link.close()
        await server.stop()
      },
    }
  },
}
