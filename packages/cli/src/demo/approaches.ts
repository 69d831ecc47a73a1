import type { GivenRedis, MissingRedis, RedisProgram } from './find-redis.js'
import { roundRobin, stickyByAddress, stickyByCookie, type Policy } from './policies.js'
import type { Advice } from './state.js'

/** One entry of the page's switch, as a reader sees it. */
interface Entry {
  readonly id: string
  readonly title: string
  /** One or two sentences for the page. */
  readonly line: string
}

/** How the balancer spreads requests, and where the servers keep their sessions. */
export interface Approach extends Entry {
  /** The `SESSION_STORE` of the app servers, or the session server that they share. */
  readonly store: string | GivenRedis | RedisProgram
  /** Called once for each time that the approach is chosen. */
  readonly policy: () => Policy
  /** The balancer names the chosen server in a cookie of its own. */
  readonly setsRoute: boolean
}

/** An entry that this machine lacks something for. */
export interface MissingApproach extends Entry {
  readonly advice: Advice
}

/** What needs nothing but Node, in the order of the page; the first one is chosen at the start. */
export const approaches = [
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

const sessionServer = {
  id: 'redis',
  title: 'Session server (Redis)',
  line: 'Each request goes to the next server. All of them keep their logins in one Redis.',
}

/** The approach with Redis; without one, what it takes to have it here. */
export function redisApproach(redis: GivenRedis | RedisProgram | MissingRedis): Approach | MissingApproach {
  if ('advice' in redis) return { ...sessionServer, advice: redis.advice }
  return { ...sessionServer, store: redis, policy: roundRobin, setsRoute: false }
}
