import { cookieValues } from './cookie-header.js'
import { attributesOf, CLEARED, lifetimeOf, signature } from './cookies.js'
import { warnOnce } from './events.js'
import type { Config } from './options.js'
import { show } from './show.js'
import { ranksNodes, type SessionStore } from './store.js'

/** Where this process stands among those behind the balancer. */
export interface AffinityConfig {
  readonly node: string
  readonly cookie: string
}

/** Tells the balancer which node has a session. It names no session, and no session's id says anything of a route. */
export interface RouteCookie {
  /** Whether a `Cookie` header brings the route of this session, once, signed with the newest key. */
  isRight(cookies: string | undefined, key: string): boolean
  /** The `Set-Cookie` value for this session. `persistent`: the browser keeps it up to `absoluteAt`, else until it closes. */
  set(key: string, absoluteAt: number, persistent: boolean): string
  /** The `Set-Cookie` value that removes the cookie. */
  clear(): string
  /** `name=value`, as it stands in a `Cookie` request header. */
  header(key: string): string
}

export const NODE_NAME = /^[A-Za-z0-9_-]{1,32}$/

/** A primary and its backup. */
const MOST_NODES = 2

/**
 * `a.b.signature`: the nodes of a session, nearest first. What a request brings is compared with what it should be and
 * never read, so a forged one changes nothing but where its request went. There are as many values as there are pairs of
 * nodes: each is signed once.
 */
export function createRouteCookie(
  affinity: AffinityConfig,
  { cookie, keys, clock }: Pick<Config, 'cookie' | 'keys' | 'clock'>,
  store: SessionStore,
): RouteCookie {
  const prefix = `${affinity.cookie}=`
  const attributes = attributesOf(cookie)
  const signed = new Map<string, string>()

  function nodesOf(key: string): readonly string[] {
    const ranked = ranksNodes(store) ? store.nodesOf(key).slice(0, MOST_NODES) : []
    const wrong = ranked.find((name) => !NODE_NAME.test(name))
    if (wrong !== undefined) {
      warnOnce(
        'HOLDFAST_NODE_NAME',
        `${store.name} calls a node ${show(wrong)}, which cannot stand in the route cookie: a name is 1 to 32 letters, digits, _ and -.`,
      )
    }
    return ranked.length === 0 || wrong !== undefined ? [affinity.node] : ranked
  }

  function header(key: string): string {
    const nodes = nodesOf(key).join('.')
    let pair = signed.get(nodes)
    if (pair === undefined) {
      // No cookie's name has a colon: this is the signature of nothing else.
      pair = `${prefix}${nodes}.${signature(keys[0]!, `route:${prefix}${nodes}`)}`
      signed.set(nodes, pair)
    }
    return pair
  }

  return {
    isRight(cookies, key) {
      const [value, another] = cookies === undefined ? [] : cookieValues(cookies, prefix, 1)
      return value !== undefined && another === undefined && prefix + value === header(key)
    },
    set: (key, absoluteAt, persistent) => header(key) + lifetimeOf(absoluteAt - clock(), persistent) + attributes,
    clear: () => `${prefix}${CLEARED}${attributes}`,
    header,
  }
}
