// Not by its name: bundles of ES modules often begin with a banner that declares `createRequire`.
import nodeModule from 'node:module'
import { ConfigError, type HoldfastError } from './errors.js'
import type { SessionStore } from './store.js'

/** What a store's package exports so that a URL can open it. */
export interface StoreAdapter {
  readonly name: string
  /** Schemes of its URLs, without the colon: `['redis', 'rediss']`. */
  readonly schemes: readonly string[]
  /**
   * What it opens is not to be sealed as a whole. It is one store made of several, each of which the adapter seals with
   * `context.seal`; or sessions stay in the processes that have the keys. Default: under `encryptionKeys` it is sealed.
   */
  readonly sealsItself?: boolean
  /** Throws `ConfigError` for a URL that it does not understand. May resolve later, and reject, when it has to connect. */
  open(url: string, context: AdapterContext): SessionStore | Promise<SessionStore>
}

export interface AdapterContext {
  /** Ms since the epoch; the engine's `clock`. */
  readonly clock: () => number
  /** The longest idle time of a session, for a store of several servers: so long one that lost its data may lack one. */
  readonly idleMs: number
  /** The longest absolute lifetime of a session: a store must be able to keep it so long. */
  readonly absoluteMs: number
  /** Makes a store encrypted; there under `encryptionKeys`. For adapters that seal themselves. */
  readonly seal?: (store: SessionStore) => SessionStore
}

/** The package that has the adapter of a scheme, and the name under which it exports it. */
const PACKAGES: Readonly<Record<string, { readonly package: string; readonly adapter: string }>> = {
  memory: { package: '@holdfast/memory', adapter: 'memory' },
  redis: { package: '@holdfast/redis', adapter: 'redis' },
  rediss: { package: '@holdfast/redis', adapter: 'redis' },
  'redis+sentinel': { package: '@holdfast/redis', adapter: 'redis' },
  'redis+cluster': { package: '@holdfast/redis', adapter: 'redis' },
  memcached: { package: '@holdfast/memcached', adapter: 'memcached' },
  hazelcast: { package: '@holdfast/hazelcast', adapter: 'hazelcast' },
  peer: { package: '@holdfast/peer', adapter: 'peer' },
}

const schemeOf = (url: string): string => {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]
  if (scheme === undefined) {
    throw new ConfigError(
      `store: ${JSON.stringify(redact(url))} is not a store URL. Write one such as 'memory:', or pass a store.`,
    )
  }
  return scheme.toLowerCase()
}

/** A URL without its password, for messages. */
const redact = (url: string): string => url.replace(/\/\/[^@/]*@/, '//***@')

/**
 * Finds the adapter of a URL among `adapters`, else in the package that has its scheme. Throws `ConfigError` at once for
 * an unknown scheme and for a package that is not installed; the package itself is imported when `open` is called.
 */
export function findAdapter(url: string, adapters: readonly StoreAdapter[]): Pick<StoreAdapter, 'open'> {
  const scheme = schemeOf(url)
  const given = adapters.find((adapter) => adapter.schemes.includes(scheme))
  if (given) return { open: (openUrl, context) => openSealed(given, openUrl, context) }
  const known = PACKAGES[scheme]
  if (!known) {
    const schemes = new Set([...Object.keys(PACKAGES), ...adapters.flatMap((adapter) => adapter.schemes)])
    throw new ConfigError(`store: no store has the scheme '${scheme}:'. Known schemes: ${[...schemes].join(', ')}.`)
  }
  assertInstalled(known, scheme)
  return {
    async open(openUrl, context) {
      const loaded = (await import(known.package)) as Record<string, StoreAdapter>
      const adapter = loaded[known.adapter]
      if (!adapter)
        throw new ConfigError(
          `store: ${known.package} has no adapter '${known.adapter}'. Install the version of @holdfast/core.`,
        )
      return openSealed(adapter, openUrl, context)
    },
  }
}

function openSealed(adapter: StoreAdapter, url: string, context: AdapterContext): SessionStore | Promise<SessionStore> {
  const opened = adapter.open(url, context)
  const { seal } = context
  if (!seal || adapter.sealsItself) return opened
  return opened instanceof Promise ? opened.then(seal) : seal(opened)
}

function assertInstalled({ package: name, adapter }: (typeof PACKAGES)[string], scheme: string): void {
  try {
    nodeModule.createRequire(import.meta.url).resolve(name)
  } catch (cause) {
    throw new ConfigError(
      `store: '${scheme}:' needs the package ${name}, which is not installed. Run: npm install ${name} (a bundled app passes adapters: [${adapter}] instead).`,
      { cause: cause as HoldfastError },
    )
  }
}
