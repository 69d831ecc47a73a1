import type { Column } from '../column.js'
import { linkedMemcached, memcachedServer, memcachedVictim } from './memcached-victim.js'
import { sessionsIn } from './session-server.js'

export const memcached: Column = {
  name: 'memcached',
  title: 'one Memcached',
  family: 'memcached',
  async start({ direct = false }) {
    const { server, link, stop } = await linkedMemcached()
    return {
      options: { store: direct ? server.url : `memcached://${link.host}:${link.port}` },
      victims: async () => [memcachedVictim({ server, link }, { share: 'all', replicas: 0 })],
      settled: () => link.heal(),
      ...sessionsIn({ all: async () => [memcachedServer(server)] }),
      stop,
    }
  },
}
