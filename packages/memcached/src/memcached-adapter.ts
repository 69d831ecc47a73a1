import { ConfigError, type StoreAdapter } from '@holdfast/core'
import { memcachedStore, type MemcachedStoreOptions } from './memcached-store.js'

const EXAMPLE = "'memcached://127.0.0.1:11211'"

/** Opens `memcached://host:11211?prefix=sess:&deadline=250`. */
export const memcached: StoreAdapter = {
  name: 'memcached',
  schemes: ['memcached'],
  open: (url, { clock }) => {
    const { servers, options } = parse(url)
    const [server, ...others] = servers
    if (others.length === 0) return memcachedStore({ ...options, server, clock })
    throw new ConfigError(
      `store: the URL names ${servers.length} servers, ${servers.join(', ')}. Sessions on several come with replicate, which this version does not have: name one.`,
    )
  },
}

function parse(url: string): { servers: readonly string[]; options: Partial<MemcachedStoreOptions> } {
  const [, hosts, query] = /^memcached:\/\/([^/?#]+)\/?(?:\?([^#]*))?$/i.exec(url) ?? []
  if (hosts === undefined) {
    throw new ConfigError(`store: ${JSON.stringify(redact(url))} is not understood. Write ${EXAMPLE}.`)
  }
  if (hosts.includes('@')) {
    throw new ConfigError(
      `store: 'memcached:' takes no user and password; the server must only be reachable for you. Write ${EXAMPLE}.`,
    )
  }
  return { servers: hosts.split(','), options: optionsOf(new URLSearchParams(query)) }
}

function optionsOf(query: URLSearchParams): Partial<MemcachedStoreOptions> {
  let options: Partial<MemcachedStoreOptions> = {}
  for (const [name, value] of query) {
    if (name === 'prefix') options = { ...options, prefix: value }
    else if (name === 'deadline') options = { ...options, deadlineMs: deadlineOf(value) }
    else throw new ConfigError(`store: 'memcached:' has no option ${JSON.stringify(name)}. It has prefix and deadline.`)
  }
  return options
}

function deadlineOf(value: string): number {
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value)
  throw new ConfigError(`store: deadline of 'memcached:' is ${JSON.stringify(value)}. Use whole ms, such as 250.`)
}

/** Without what stands before an `@`: it may be a password. */
const redact = (url: string): string => url.replace(/\/\/[^/]*@/, '//***@')
