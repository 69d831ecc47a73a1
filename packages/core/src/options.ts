import type { KeyObject } from 'node:crypto'
import type { StoreAdapter } from './adapters.js'
import { resolveCookie, type CookieConfig } from './cookie-options.js'
import { LONGEST_MAX_AGE_MS } from './cookies.js'
import { sealedStore } from './encrypted.js'
import { ConfigError } from './errors.js'
import { warnOnce } from './events.js'
import { baseLifetime, rememberedLifetime, type Lifetime } from './lifetimes.js'
import { checkNearCache, type NearCacheOptions } from './near-cache.js'
import { functionOf, matching, objectOf, oneOf, refuseUnknown, wholeNumber, wrong } from './option-checks.js'
import { type AffinityConfig, NODE_NAME } from './route-cookie.js'
import { keyRing, sealRing } from './secrets.js'
import { show } from './show.js'
import type { SessionStore } from './store.js'
import type { SessionOptions, UserLimit } from './types.js'

export type { Lifetime } from './lifetimes.js'

/** The options of `createSessions`, checked, with every default filled in. */
export interface Config {
  /** Newest first: the first signs, all are accepted. */
  readonly keys: readonly KeyObject[]
  readonly cookie: CookieConfig
  readonly base: Lifetime
  /** For sessions that called `remember()`; never shorter than `base`. */
  readonly remember: Lifetime
  readonly longestAbsoluteMs: number
  /** `base.absoluteMs` where the app gave it itself: only then it ends the sessions of a bridge. */
  readonly givenAbsoluteMs: number | undefined
  readonly store: string | SessionStore
  readonly failover: string | SessionStore | undefined
  readonly migrateFrom: string | SessionStore | undefined
  readonly nearCache: NearCacheOptions | undefined
  /** Makes a store encrypted, under `encryptionKeys`. */
  readonly seal: ((store: SessionStore) => SessionStore) | undefined
  readonly affinity: AffinityConfig | undefined
  readonly adapters: readonly StoreAdapter[]
  readonly onUnavailable: 'reject' | 'ephemeral'
  readonly commitOn: (status: number) => boolean
  /** Fields whose merge policy is `'reject'`. */
  readonly rejectFields: ReadonlySet<string>
  readonly maxBytes: number
  readonly userLimit: UserLimit | undefined
  readonly skip: SessionOptions['skip']
  readonly onCommitError: SessionOptions['onCommitError']
  readonly clock: () => number
  /** `NODE_ENV` is `production`: no development warnings, data is not frozen after the commit. */
  readonly production: boolean
}

/** Checks all options at once, each against the others too. Throws `ConfigError`. Reads `NODE_ENV`. */
export function resolveOptions<Data extends object>(options: SessionOptions<Data>): Config {
  const { secret, store, failover, nearCache, adapters, idle, absolute, remember, cookie, merge, commitOn, ...rest } =
    options
  const {
    migrateFrom,
    affinity,
    encryptionKeys: _ring,
    maxBytes,
    maxPerUser,
    onUnavailable,
    onCommitError,
    skip,
    clock,
    ...unknown
  } = rest
  refuseUnknown('', unknown)
  const environment = process.env['NODE_ENV']
  const production = environment === 'production'
  const base = baseLifetime({ idle, absolute })
  const remembered = rememberedLifetime(objectOf('remember', remember), base)
  if (remembered.absoluteMs > LONGEST_MAX_AGE_MS) warnOfClampedCookie(remembered.absoluteMs)
  const cookieConfig = resolveCookie(objectOf('cookie', cookie), environment)
  return {
    keys: keyRing(secret),
    cookie: cookieConfig,
    base,
    remember: remembered,
    longestAbsoluteMs: remembered.absoluteMs,
    givenAbsoluteMs: absolute === undefined ? undefined : base.absoluteMs,
    store: storeOf(store, production),
    failover: otherStoreOf('failover', failover),
    migrateFrom: otherStoreOf('migrateFrom', migrateFrom),
    nearCache: nearCacheOf(nearCache, functionOf('clock', clock)),
    seal: sealOf(options),
    affinity: affinityOf(affinity, cookieConfig.name),
    adapters: adaptersOf(adapters),
    onUnavailable: oneOf('onUnavailable', onUnavailable, ['reject', 'ephemeral']) ?? 'reject',
    commitOn: functionOf('commitOn', commitOn) ?? ((status) => status < 500),
    rejectFields: rejectFieldsOf(objectOf('merge', merge)),
    maxBytes: wholeNumber('maxBytes', maxBytes ?? 65_536, 1, Number.MAX_SAFE_INTEGER),
    userLimit: userLimitOf(maxPerUser),
    skip: functionOf('skip', skip),
    onCommitError: functionOf('onCommitError', onCommitError),
    clock: functionOf('clock', clock) ?? (() => Date.now()),
    production,
  }
}

const warnOfClampedCookie = (absoluteMs: number): void =>
  warnOnce(
    'HOLDFAST_COOKIE_400_DAYS',
    `remember.absolute is ${Math.round(absoluteMs / 86_400_000)} days, but browsers keep a cookie for at most 400 (RFC 6265bis): its sessions end there.`,
  )

function storeOf(store: SessionOptions['store'], production: boolean): string | SessionStore {
  if (store === undefined || store === '') {
    if (!production) return 'memory:'
    throw new ConfigError(
      `store is ${show(store)}. Under NODE_ENV=production say where sessions live: a store's URL, or 'memory:' for this process alone.`,
    )
  }
  return urlOrStore('store', store)
}

/** Absent is none; empty is a variable that is not set, which would be noticed when it is too late. */
function otherStoreOf(
  option: 'failover' | 'migrateFrom',
  store: SessionOptions['failover'],
): string | SessionStore | undefined {
  if (store === undefined) return undefined
  if (store === '') throw wrong(option, store, "the URL of a store such as 'redis://…', or leave it out")
  return urlOrStore(option, store)
}

function urlOrStore(option: string, value: unknown): string | SessionStore {
  if (typeof value === 'string' || isStore(value)) return value
  throw wrong(option, value, "a URL such as 'memory:', or a store: an object with read, write, touch and close")
}

const hasMethods = (value: unknown, names: readonly string[]): boolean =>
  typeof value === 'object' && value !== null && names.every((name) => typeof Reflect.get(value, name) === 'function')

const isStore = (value: unknown): value is SessionStore => hasMethods(value, ['read', 'write', 'touch', 'close'])

const isAdapter = (value: unknown): value is StoreAdapter =>
  hasMethods(value, ['open']) && Array.isArray((value as StoreAdapter).schemes)

function nearCacheOf(
  nearCache: SessionOptions['nearCache'],
  clock: (() => number) | undefined,
): NearCacheOptions | undefined {
  if (nearCache === undefined) return undefined
  const { maxStaleMs, maxSessions, ...unknown } = objectOf('nearCache', nearCache)
  refuseUnknown('nearCache.', unknown)
  return checkNearCache({ maxStaleMs: maxStaleMs as number, maxSessions, clock })
}

/** There and undefined is a variable that is not set: sessions would lie there unencrypted, and nobody would notice. */
function sealOf(
  options: Pick<SessionOptions, 'encryptionKeys' | 'store' | 'failover' | 'migrateFrom'>,
): Config['seal'] {
  if (!('encryptionKeys' in options)) return undefined
  const ring = sealRing('encryptionKeys', options.encryptionKeys)
  for (const option of ['store', 'failover', 'migrateFrom'] as const) {
    if (typeof options[option] !== 'object') continue
    throw new ConfigError(
      `encryptionKeys is for stores that are given as URLs, and ${option} is a store. Leave encryptionKeys out and give ${option}: encrypted(store, { keys }), from @holdfast/core; it goes innermost.`,
    )
  }
  return (store) => sealedStore(store, ring)
}

/** Letters, digits and _: nginx cannot name another cookie in a variable. */
const ROUTE_NAME = /^[A-Za-z0-9_]{1,64}$/

function affinityOf(affinity: SessionOptions['affinity'], sessionCookie: string): AffinityConfig | undefined {
  if (affinity === undefined) return undefined
  const { node, cookie = 'holdfast_route', ...unknown } = objectOf('affinity', affinity)
  refuseUnknown('affinity.', unknown)
  if (cookie === sessionCookie) throw wrong('affinity.cookie', cookie, 'a name that the session cookie does not have')
  return {
    node: matching(
      'affinity.node',
      node,
      NODE_NAME,
      "the name of this node, 1 to 32 letters, digits, _ and -, like 'a'",
    ),
    cookie: matching('affinity.cookie', cookie, ROUTE_NAME, "a name of letters, digits and _, like 'holdfast_route'"),
  }
}

function adaptersOf(adapters: unknown): readonly StoreAdapter[] {
  if (adapters === undefined) return []
  if (Array.isArray(adapters) && adapters.every(isAdapter)) return adapters
  throw wrong('adapters', adapters, "a list of what stores' packages export, like [memory]")
}

function rejectFieldsOf(merge: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const fields = Object.keys(merge).filter((field) => oneOf(`merge.${field}`, merge[field], ['reject']) === 'reject')
  return new Set(fields)
}

/** An index of a user's sessions is kept to 1,000 entries. */
const MOST_PER_USER = 1_000

function userLimitOf(maxPerUser: SessionOptions['maxPerUser']): UserLimit | undefined {
  if (maxPerUser === undefined) return undefined
  if (typeof maxPerUser === 'number') {
    return { limit: wholeNumber('maxPerUser', maxPerUser, 1, MOST_PER_USER), whenReached: 'evict-oldest' }
  }
  const { limit, whenReached, ...unknown } = objectOf('maxPerUser', maxPerUser)
  refuseUnknown('maxPerUser.', unknown)
  return {
    limit: wholeNumber('maxPerUser.limit', limit, 1, MOST_PER_USER),
    whenReached: oneOf('maxPerUser.whenReached', whenReached, ['evict-oldest', 'reject']) ?? 'evict-oldest',
  }
}
