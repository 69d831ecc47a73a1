import { ConfigError, replicate, type StoreAdapter } from '@holdfast/core'
import { memcachedStore, type MemcachedStoreOptions } from './memcached-store.js'
import { serverAddress } from './server-address.js'

const EXAMPLE = "'memcached://127.0.0.1:11211'"

/**
 * Opens `memcached://host:11211?prefix=sess:&deadline=250`; with several servers, `memcached://a,b,c?copies=2`, each
 * session is on `copies` of them.
 */
export const memcached: StoreAdapter = {
  name: 'memcached',
  schemes: ['memcached'],
  sealsItself: true,
  open: (url, { clock, idleMs, seal = (store) => store }) => {
    const { servers, copies, options } = parse(url)
    const stores = servers.map(
      (server) => [serverAddress(server), seal(memcachedStore({ ...options, server, clock }))] as const,
    )
    const [[, only], another] = stores as [(typeof stores)[0], ...typeof stores]
    return another ? replicate(Object.fromEntries(stores), { copies, idle: idleMs, clock }) : only
  },
}

interface Parsed {
  readonly servers: readonly string[]
  /** Each session is on so many of them; 2 where there is more than one and nothing was said. */
  readonly copies: number
  readonly options: Partial<MemcachedStoreOptions>
}

function parse(url: string): Parsed {
  const [, hosts, query] = /^memcached:\/\/([^/?#]+)\/?(?:\?([^#]*))?$/i.exec(url) ?? []
  if (hosts === undefined) {
    throw new ConfigError(`store: ${JSON.stringify(redact(url))} is not understood. Write ${EXAMPLE}.`)
  }
  if (hosts.includes('@')) {
    throw new ConfigError(
      `store: 'memcached:' takes no user and password; the server must only be reachable for you. Write ${EXAMPLE}.`,
    )
  }
  const servers = hosts.split(',')
  const names = servers.map(serverAddress)
  const twice = names.find((name, at) => names.indexOf(name) < at)
  if (twice !== undefined) throw new ConfigError(`store: the URL names the server ${twice} twice. Name each once.`)
  const { copies, ...options } = optionsOf(new URLSearchParams(query))
  return { servers, copies: copiesOf(copies, servers), options }
}

function optionsOf(query: URLSearchParams): Partial<MemcachedStoreOptions> & { readonly copies?: string } {
  let options: ReturnType<typeof optionsOf> = {}
  for (const [name, value] of query) {
    if (name === 'prefix') options = { ...options, prefix: value }
    else if (name === 'deadline') options = { ...options, deadlineMs: deadlineOf(value) }
    else if (name === 'copies') options = { ...options, copies: value }
    else {
      throw new ConfigError(
        `store: 'memcached:' has no option ${JSON.stringify(name)}. It has prefix, deadline and copies.`,
      )
    }
  }
  return options
}

function copiesOf(text: string | undefined, servers: readonly string[]): number {
  if (text === undefined) return Math.min(2, servers.length)
  const copies = /^\d{1,3}$/.test(text) ? Number(text) : NaN
  if (copies >= 2 && copies <= servers.length) return copies
  const names = servers.length === 1 ? 'one server' : `${servers.length} servers`
  throw new ConfigError(
    `store: copies of 'memcached:' is ${JSON.stringify(text)}, and the URL names ${names}. Give 2 or more, of as many servers: 'memcached://a,b,c?copies=2'.`,
  )
}

function deadlineOf(value: string): number {
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value)
  throw new ConfigError(`store: deadline of 'memcached:' is ${JSON.stringify(value)}. Use whole ms, such as 250.`)
}

/** Without what stands before an `@`: it may be a password. */
const redact = (url: string): string => url.replace(/\/\/[^/]*@/, '//***@')
