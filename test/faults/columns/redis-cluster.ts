import { startRedisCluster } from '../../servers/redis-cluster.js'
import { until } from '../../servers/until.js'
import type { Column } from '../column.js'
import { redisSessions, redisVictim } from './redis-victim.js'

/** Three masters, which have a third of the sessions each, and a replica of each. */
export const redisCluster: Column = {
  name: 'redis-cluster',
  title: 'Redis Cluster',
  family: 'redis',
  async start({ replicated = false, direct = false }) {
    const set = await startRedisCluster({ proxied: !direct })
    return {
      url: set.url + (replicated ? '?durability=replicated-all' : ''),
      async aim() {
        const [server, replica] = await Promise.all([set.masterOf(ANY_KEY), set.replicaOf(ANY_KEY)])
        const failover = async () => void (await replica.command('CLUSTER', 'FAILOVER'))
        const replaced = () => until('its replica leads', async () => (await set.masterOf(ANY_KEY)) !== server)
        return redisVictim({
          server,
          link: server.proxy,
          share: 'some',
          replicas: 1,
          isWatched: false,
          failover,
          replaced,
        })
      },
      settled: () => set.settled(),
      ...redisSessions(
        (key) => set.masterOf(key),
        async () => set.nodes,
      ),
      stop: () => set.stop(),
    }
  },
}

const ANY_KEY = 'any'
