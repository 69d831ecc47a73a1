import {
  type AdapterContext,
  ConfigError,
  encrypted,
  isStoreUnavailable,
  type SessionStore,
  type StoreAdapter,
} from '@holdfast/core'

const DAY_MS = 86_400_000
/** What the app's deadline of 250 ms would be for a command that somebody runs from far away. */
const DEADLINE_MS = 2_000
const CONNECT_MS = 5_000
/** As in `createSessions({ encryptionKeys })`: newest first, separated by commas. */
const KEYS = 'HOLDFAST_ENCRYPTION_KEYS'

/** Of servers, by the scheme of their URLs. Loaded when it is asked for: a command that prints a help text needs none of them. */
export const ADAPTERS: Readonly<Record<string, () => Promise<StoreAdapter>>> = {
  redis: async () => (await import('@holdfast/redis')).redis,
  rediss: async () => (await import('@holdfast/redis')).redis,
  'redis+sentinel': async () => (await import('@holdfast/redis')).redis,
  'redis+cluster': async () => (await import('@holdfast/redis')).redis,
  memcached: async () => (await import('@holdfast/memcached')).memcached,
  hazelcast: async () => (await import('@holdfast/hazelcast')).hazelcast,
}

/** The stores that no other process reaches, and what to do instead. */
const IN_THE_APP: Readonly<Record<string, string>> = {
  memory: 'in the memory of the app’s own process, which no other process can look into',
  peer: 'in the memory of the app servers, which take in nobody who is not one of them',
}

export interface OpenOptions {
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** The longest `idle` and `absolute` of the app's sessions, in ms. Default 30 and 90 days, as those of `remember`. */
  readonly idleMs?: number | undefined
  readonly absoluteMs?: number | undefined
  /** What to do where the store lies in the app's processes. */
  readonly instead?: string | undefined
}

const ASK_THE_APP = 'Ask in the app: sessions.listByUser(id), sessions.destroyByUser(id), on a page for administrators.'

/**
 * The store of a URL, as `createSessions({ store })` takes it, connecting in the background; under the keys in
 * `HOLDFAST_ENCRYPTION_KEYS` where there are any. A call may take 2 s unless the URL has a `deadline`. Rejects with
 * `ConfigError` for a URL that is not understood, and for `memory:` and `peer:`.
 */
export async function openStore(url: string, options: OpenOptions = {}): Promise<SessionStore> {
  const { env = process.env, idleMs = 30 * DAY_MS, absoluteMs = 90 * DAY_MS, instead = ASK_THE_APP } = options
  const scheme = /^([a-z][a-z0-9+]*):/i.exec(url)?.[1]?.toLowerCase() ?? ''
  const where = IN_THE_APP[scheme]
  if (where !== undefined) {
    throw new ConfigError(`'${scheme}:' keeps sessions ${where}. ${instead}`)
  }
  const load = ADAPTERS[scheme]
  if (!load) {
    throw new ConfigError(
      `${JSON.stringify(shown(url))} is not the URL of a store. Give the one that the app has, such as redis://10.0.0.9:6379; the schemes are ${Object.keys(ADAPTERS).join(', ')}.`,
    )
  }
  const adapter = await load()
  const seal = sealOf(env[KEYS])
  const context: AdapterContext = { clock: Date.now, idleMs, absoluteMs, ...(seal && { seal }) }
  const store = await adapter.open(patient(url), context)
  if (!seal || adapter.sealsItself) return store
  try {
    return seal(store)
  } catch (error) {
    await store.close()
    throw error
  }
}

/** The answer of a store that is still connecting; what it rejects with after 5 s is the error. */
export async function answered<T>(ask: () => Promise<T>): Promise<T> {
  const endsAt = performance.now() + CONNECT_MS
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (performance.now() > endsAt || !isStoreUnavailable(error)) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

/** A URL without its password, for messages. */
export const shown = (url: string): string => url.replace(/\/\/[^@/]*@/, '//***@')

function sealOf(keys: string | undefined): AdapterContext['seal'] {
  if (keys === undefined || keys === '') return undefined
  const ring = keys.split(',').map((key) => key.trim())
  return (store) => encrypted(store, { keys: ring })
}

function patient(url: string): string {
  const [path = '', query = ''] = url.split('?', 2)
  return new URLSearchParams(query).has('deadline')
    ? url
    : `${path}?${query === '' ? '' : `${query}&`}deadline=${DEADLINE_MS}`
}
