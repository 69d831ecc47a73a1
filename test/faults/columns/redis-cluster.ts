import { startRedisCluster } from '../../servers/redis-cluster.js'
import { until } from '../../servers/until.js'
import type { Column } from '../column.js'
import { redisServer, redisVictim } from './redis-victim.js'
import { sessionsIn } from './session-server.js'

/** Three masters, which have a third of the sessions each, and a replica of each. */
export const redisCluster: Column = {
  name: 'redis-cluster',
  title: 'Redis Cluster',
  family: 'redis',
  async start({ replicated = false, direct = false }) {
    const set = await startRedisCluster({ proxied: !direct })
    return {
      options: { store: set.url + (replicated ? '?durability=replicated-all' : '') },
      async victims() {
        const [server, replica] = await Promise.all([set.masterOf(ANY_KEY), set.replicaOf(ANY_KEY)])
        const failover = async () => void (await replica.command('CLUSTER', 'FAILOVER'))
        const replaced = () => until('its replica leads', async () => (await set.masterOf(ANY_KEY)) !== server)
        const kind = { share: 'some', replicas: 1, isWatched: false, failover, replaced } as const
        return [redisVictim({ server, link: server.proxy, ...kind })]
      },
      settled: () => set.settled(),
      ...sessionsIn({
        all: async () => set.nodes.map(redisServer),
        serversOf: async (id) => [redisServer(await set.masterOf(`sess:${id}`))],
      }),
      stop: () => set.stop(),
    }
  },
}

const ANY_KEY = 'any'
