import { roundRobin, stickyByAddress, stickyByCookie, type Policy } from './policies.js'

/** One entry of the page's switch: how the balancer spreads requests, and where the servers keep their sessions. */
export interface Approach {
  readonly id: string
  readonly title: string
  /** One sentence for the page. */
  readonly line: string
  /** The `SESSION_STORE` of the app servers. */
  readonly store: string
  /** Called once for each time that the approach is chosen. */
  readonly policy: () => Policy
  /** The balancer names the chosen server in a cookie of its own. */
  readonly setsRoute: boolean
}

/** The switch, in the order of the page; the first one is chosen at the start. */
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
