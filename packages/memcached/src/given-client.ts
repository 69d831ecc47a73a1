import { ConfigError, warnOnce } from '@holdfast/core'
import type { Library, MemcachedClient } from './library.js'

interface Setting {
  readonly name: string
  readonly isSafe: (value: unknown) => boolean
  readonly advice: string
}

const SETTINGS: readonly Setting[] = [
  {
    name: 'retries',
    isSafe: (value) => value === 0,
    advice: 'set it to 0: calls that were given up would go on trying to connect',
  },
  {
    name: 'timeout',
    isSafe: (value) => typeof value === 'number' && value > 0 && value <= 250,
    advice: 'set it to 200 (ms): until then nothing else tries to connect to a server that is cut off',
  },
  {
    name: 'maxQueueSize',
    isSafe: (value) => typeof value === 'number' && value <= 0,
    advice: 'leave it out: answers that never come are counted, and in the end every call is refused',
  },
  {
    name: 'debug',
    isSafe: (value) => value === false,
    advice: 'set it to false: it prints sessions, and ends the process when there is no connection',
  },
]

/**
 * The inner parts of a client that the app has made, of one server. Throws `ConfigError` for another library and for
 * several servers; warns once for each setting that breaks what this store promises.
 */
export function takeLibrary(client: MemcachedClient): Library {
  const library = client as Partial<Library>
  if (typeof library.gets !== 'function' || typeof library.rawDataReceived !== 'function' || !library.servers) {
    throw new ConfigError(
      "memcachedStore: client is not a client of the package 'memcached' 2.2. Pass new Memcached('host:11211', …), or server: 'host:11211' instead of a client.",
    )
  }
  assertOneServer(library.servers)
  for (const setting of SETTINGS) warnOf(setting, library)
  return library as Library
}

function assertOneServer(servers: readonly string[]): void {
  if (servers.length === 1) return
  throw new ConfigError(
    `memcachedStore: client has ${servers.length} servers (${servers.join(', ')}), and its own ring loses the sessions of each that dies. Use the URL memcached://${servers.join(',')}, or a client for each server.`,
  )
}

function warnOf({ name, isSafe, advice }: Setting, library: Partial<Library>): void {
  const value = (library as Readonly<Record<string, unknown>>)[name]
  if (isSafe(value)) return
  warnOnce(
    `HOLDFAST_MEMCACHED_${name.toUpperCase()}`,
    `memcachedStore: the client's ${name} is ${String(value)}; ${advice}.`,
  )
}
