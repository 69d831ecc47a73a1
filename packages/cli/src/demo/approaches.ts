import { findHazelcastProgram } from './find-hazelcast.js'
import { findProgram } from './find-program.js'
import { findRedis, findRedisProgram, type MissingRedis, type RedisProgram } from './find-redis.js'
import { oneRedis, redisPair, threeHazelcast, threeMemcached } from './own-servers.js'
import { roundRobin, stickyByAddress, stickyByCookie, type Policy } from './policies.js'
import type { GivenServers, OwnServers, PeerServers } from './store-config.js'

/** One entry of the page's switch: how the balancer spreads requests, and where the servers keep their sessions. */
export interface Approach {
  readonly id: string
  readonly title: string
  /** One or two sentences for the page. */
  readonly line: string
  /** The `SESSION_STORE` of the app servers, or what they share their sessions through. */
  readonly store: string | GivenServers | OwnServers | PeerServers
  /** Called once for each time that the approach is chosen. */
  readonly policy: () => Policy
  /** The balancer names the chosen server in a cookie of its own. */
  readonly setsRoute: boolean
}

/** An entry that this machine lacks something for, and what to do about it. */
export interface MissingApproach extends MissingRedis {
  readonly id: string
  readonly title: string
}

/** What needs nothing but Node, in the order of the page; the first one is chosen at the start. */
const withoutServers = [
  {
    id: 'peer',
    title: 'Between the app servers',
    line: 'Each login is kept by two of the three app servers: a primary and a backup. Any one may die.',
    store: {
      kind: 'Peer',
      holds: 'Each session is in the memory of two of the three servers: its primary and its backup.',
    },
    policy: roundRobin,
    setsRoute: false,
  },
  {
    id: 'round-robin',
    title: 'Round-robin',
    line: 'Each request goes to the next server. It knows only the logins in its own memory.',
    store: 'memory:',
    policy: roundRobin,
    setsRoute: false,
  },
  {
    id: 'sticky-cookie',
    title: 'Sticky by cookie',
    line: 'A cookie of the balancer names the server. The visitor returns to it until it dies.',
    store: 'memory:',
    policy: stickyByCookie,
    setsRoute: true,
  },
  {
    id: 'sticky-ip',
    title: 'Sticky by client IP',
    line: 'A hash of the visitor’s address names the server, evenly spread or not.',
    store: 'memory:',
    policy: stickyByAddress,
    setsRoute: false,
  },
] as const satisfies readonly Approach[]

/** All approaches that there are on this machine, and one with Redis even if that is missing. */
export function approachesFor(env: NodeJS.ProcessEnv): [Approach, ...(Approach | MissingApproach)[]] {
  return [
    ...withoutServers,
    redisApproach(findRedis(env)),
    ...memcachedApproach(env),
    ...standbyApproach(env),
    ...hazelcastApproach(env),
  ]
}

const shared = { policy: roundRobin, setsRoute: false }
const sessionServer = { id: 'redis', title: 'Session server (Redis)' }

/** The approach with Redis; without one, what it takes to have it here. */
function redisApproach(redis: GivenServers | RedisProgram | MissingRedis): Approach | MissingApproach {
  if ('line' in redis) return { ...sessionServer, ...redis }
  const line = 'Each request goes to the next server. All of them keep their logins in one Redis.'
  return { ...sessionServer, ...shared, line, store: 'program' in redis ? oneRedis(redis.program) : redis }
}

function memcachedApproach(env: NodeJS.ProcessEnv): Approach[] {
  const program = findProgram('memcached', env)
  if (program === undefined) return []
  const line = 'Each login is kept on two of three Memcached servers. Any one of them may die.'
  return [{ ...shared, id: 'memcached', title: 'Memcached, three servers', line, store: threeMemcached(program) }]
}

function standbyApproach(env: NodeJS.ProcessEnv): Approach[] {
  const program = findRedisProgram(env)
  if (program === undefined) return []
  const line = 'Each login is kept in two Redis servers. Either of them may die.'
  return [{ ...shared, id: 'standby', title: 'Redis with a standby', line, store: redisPair(program) }]
}

/** `HAZELCAST_URL` first, then a jar on this machine. */
function hazelcastApproach(env: NodeJS.ProcessEnv): (Approach | MissingApproach)[] {
  const grid = { ...shared, id: 'hazelcast', title: 'Data grid (Hazelcast)' }
  const { HAZELCAST_URL: url = '' } = env
  if (/^hazelcast:\/\//i.test(url)) {
    const line = 'Each request goes to the next server. All of them keep their logins in your cluster.'
    return [{ ...grid, line, store: { kind: 'Hazelcast', url } }]
  }
  if (url !== '') {
    const line = 'HAZELCAST_URL does not begin with hazelcast://. Correct it, or unset it, and start the demo again.'
    return [{ id: grid.id, title: grid.title, line, command: undefined }]
  }
  const program = findHazelcastProgram(env)
  if (program === undefined) return []
  const line = 'Each login is kept on one of three members and on a backup. Any one may die.'
  return [{ ...grid, line, store: threeHazelcast(program) }]
}
