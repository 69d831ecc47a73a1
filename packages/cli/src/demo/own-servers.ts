import type { HazelcastProgram } from './find-hazelcast.js'
import { CLUSTER_NAME } from './hazelcast-config.js'
import type { OwnServers } from './store-config.js'

export const oneRedis = (program: string): OwnServers => ({
  kind: 'Redis',
  program,
  names: ['Redis'],
  spare: 0,
  holds: 'It holds the sessions of all three servers.',
  config: ([address]) => ({ SESSION_STORE: `redis://${address}` }),
})

export const redisPair = (program: string): OwnServers => ({
  kind: 'Redis',
  program,
  names: ['Redis 1', 'Redis 2'],
  spare: 1,
  holds: 'Each session of the three servers is kept on both.',
  config: ([primary, standby]) => ({ SESSION_STORE: `redis://${primary}`, SESSION_FAILOVER: `redis://${standby}` }),
})

export const threeMemcached = (program: string): OwnServers => ({
  kind: 'Memcached',
  program,
  names: ['Memcached 1', 'Memcached 2', 'Memcached 3'],
  spare: 1,
  holds: 'Each session of the three servers is kept on two of them.',
  config: (addresses) => ({ SESSION_STORE: `memcached://${addresses.join()}?copies=2` }),
})

export const threeHazelcast = ({ java, jar }: HazelcastProgram): OwnServers => ({
  kind: 'Hazelcast',
  program: java,
  jar,
  names: ['Hazelcast 1', 'Hazelcast 2', 'Hazelcast 3'],
  spare: 1,
  holds: 'Each session of the three servers is kept on one member and its backup.',
  config: (addresses) => ({ SESSION_STORE: `hazelcast://${addresses.join()}/sessions?cluster=${CLUSTER_NAME}` }),
})
