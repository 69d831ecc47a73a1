import { ConfigError, type Diagnoses, type SessionStore } from '@holdfast/core'
import { takeLibrary } from './given-client.js'
import { LibraryPort } from './library-port.js'
import { openLibrary, type MemcachedClient } from './library.js'
import { serverAddress } from './server-address.js'
import { ServerStore } from './server-store.js'

export interface MemcachedStoreOptions {
  /** The server, `'host:11211'`: the store opens a client of its own, with safe settings. */
  readonly server?: string | undefined
  /** Instead: a client of that one server that the app has made. The store warns of unsafe settings and never ends it. */
  readonly client?: MemcachedClient | undefined
  /** Comes before each key: letters, digits and `_ . : -`. Default `'sess:'`. */
  readonly prefix?: string | undefined
  /** What a call may take, in ms. Default 250. */
  readonly deadlineMs?: number | undefined
  /** Ms since the epoch; default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

/** So that prefix and key have 200 characters at most, all of them safe: `$` in a key makes the library run its value. */
const PREFIX = /^[A-Za-z0-9_.:-]{1,136}$/

/**
 * Keeps sessions on one Memcached server, with each write under compare-and-set. The server forgets: all at a restart,
 * the least recently used when it is full, tombstones among them. Throws `ConfigError` for options that do not fit.
 */
export function memcachedStore(options: MemcachedStoreOptions): SessionStore & Diagnoses {
  const { prefix = 'sess:', deadlineMs = 250, clock = Date.now } = options
  if (!PREFIX.test(prefix)) {
    throw new ConfigError(
      `memcachedStore: prefix is ${JSON.stringify(prefix)}. Use 1 to 136 letters, digits and '_', '.', ':', '-'.`,
    )
  }
  if (!(deadlineMs > 0)) throw new ConfigError(`memcachedStore: deadlineMs is ${deadlineMs}. Use a number above 0.`)
  const { library, server, isOwn } = libraryFor(options, deadlineMs)
  const port = new LibraryPort({ library, server, prefix, silentMs: deadlineMs / 2, isOwn })
  return new ServerStore({ port, server, prefix, deadlineMs, clock })
}

function libraryFor({ server, client }: MemcachedStoreOptions, deadlineMs: number) {
  if ((server === undefined) === (client === undefined)) {
    throw new ConfigError("memcachedStore: pass server: 'host:11211', or client, and not both.")
  }
  if (server !== undefined) {
    const address = serverAddress(server)
    return { library: openLibrary(address, Math.ceil(0.8 * deadlineMs)), server: address, isOwn: true }
  }
  const library = takeLibrary(client as MemcachedClient)
  const [named = ''] = library.servers
  return { library, server: /:\d+$/.test(named) ? named : `${named}:11211`, isOwn: false }
}
