import type { Column } from '../column.js'
import { linkedMemcached, memcachedServer, memcachedVictim, type LinkedMemcached } from './memcached-victim.js'
import { sessionsIn } from './session-server.js'

/**
 * Three servers, each session on two of them. One is struck, in turn: of the sessions it is the first choice for a third,
 * the second for a third and the spare for the rest.
 */
export const memcached3: Column = {
  name: 'memcached-3',
  title: 'three Memcached, each session on two',
  family: 'memcached',
  copies: 2,
  async start({ direct = false }) {
    const servers = await Promise.all([linkedMemcached(), linkedMemcached(), linkedMemcached()])
    const addresses = servers.map(({ server, link }) => (direct ? server.address : `${link.host}:${link.port}`))
    let turn = 0
    return {
      options: { store: `memcached://${addresses.join(',')}?copies=2` },
      victims: async () => [
        memcachedVictim(servers[turn++ % servers.length] as LinkedMemcached, { share: 'some', replicas: 2 }),
      ],
      settled: async () => void (await Promise.all(servers.map(({ link }) => link.heal()))),
      ...sessionsIn({ all: async () => servers.map(({ server }) => memcachedServer(server)), copies: 2 }),
      stop: async () => void (await Promise.all(servers.map(({ stop }) => stop()))),
    }
  },
}
