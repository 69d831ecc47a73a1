import { inspect } from 'node:util'
import { type BridgeBase, ConfigError, createBridge, isListed, isSessionGone, warnOnce } from '@holdfast/core'
import type { KoaSessions } from './create-sessions.js'

/** What koa-session passes with a call. */
export interface KoaSessionCall {
  /** The context of the request: what it loaded is what its changes are compared with. */
  readonly ctx?: object | undefined
  readonly rolling?: boolean | undefined
}

type MaxAge = number | 'session' | undefined

/** A store for koa-session 7: its option `store`, or what a `ContextStore` passes its calls on to. */
export interface KoaSessionStore {
  /** The data of a live session; `undefined` where there is none. */
  get(key: string, maxAge?: MaxAge, call?: KoaSessionCall): Promise<Record<string, unknown> | undefined>
  /**
   * Stores data for `maxAge` ms, or, without a number, for the option `idle`. Merged with what other requests stored since
   * this one loaded it; of a session that ended meanwhile, nothing is stored. Without a request that loaded it, the data is
   * replaced. Rejects with `SessionGoneError` when a new session has the key of one that has ended.
   */
  set(key: string, data: object, maxAge?: MaxAge, call?: KoaSessionCall): Promise<void>
  /** Ends a session, for every request in flight too. */
  destroy(key: string, call?: KoaSessionCall): Promise<void>
}

export interface KoaSessionStoreOptions {
  /**
   * The store that koa-session had before. Sessions that are unknown here are looked for there and taken over, so that
   * nobody is logged out at the switch; a logout ends them in both. It must reject when it cannot answer.
   */
  readonly adopt?: AdoptedKoaStore | undefined
}

/** What is asked of a store of koa-session that is adopted. */
export interface AdoptedKoaStore {
  get(key: string, maxAge: MaxAge, call: KoaSessionCall): unknown
  destroy(key: string, call: KoaSessionCall): unknown
}

/** koa-session lets a store keep sessions for so much longer than they live by `_expire`, in ms. */
const GRACE_MS = 10_000

/**
 * Keeps the sessions of koa-session 7 in the store of `sessions`, with its merge, its deadlines and its failover:
 * `session({ store: koaSessionStore(createSessions({ secret, store })) }, app)`. All calls reject with
 * `StoreUnavailableError`, status 503, while the store is away. Throws `ConfigError`.
 */
export function koaSessionStore<Data extends object>(
  sessions: KoaSessions<Data>,
  { adopt, ...unknown }: KoaSessionStoreOptions = {},
): KoaSessionStore {
  const [wrong] = Object.keys(unknown)
  if (wrong !== undefined) throw new ConfigError(`koaSessionStore: there is no option ${wrong}. There is adopt.`)
  const bridge = createBridge(sessions, {
    adopt: adopt && adopted(adopt),
    deadlineField: { path: '_expire', show: (expiresAt) => expiresAt - GRACE_MS },
  })
  // By key, because after regenerate() one request has two.
  const loaded = new WeakMap<object, Map<string, BridgeBase>>()
  const loadedBy = (ctx: object | undefined): Map<string, BridgeBase> => {
    const known = (ctx && loaded.get(ctx)) ?? new Map<string, BridgeBase>()
    if (ctx) loaded.set(ctx, known)
    return known
  }

  return {
    async get(key, maxAge, call = {}) {
      // A client that knows the name of a session, which is in logs, must not get in by it.
      if (isListed(key)) return undefined
      const found = await bridge.load(key, { maxAge, call } satisfies AdoptedCall)
      if (!found) return undefined
      const { data, base } = found
      const bases = loadedBy(call.ctx)
      // The oldest: what the request changed is what differs from its first look.
      if (!bases.has(key)) bases.set(key, base)
      // koa-session saves such a session only when it changes, but it ends when no request comes. A failure is an event.
      if (data['_session'] === true) bridge.store(key, data, { base }).catch(() => {})
      return data
    },

    async set(key, data, maxAge, { ctx } = {}) {
      refuseListed(key)
      const bases = loadedBy(ctx)
      const expiresAt = typeof maxAge === 'number' ? Date.now() + maxAge : undefined
      const { base } = await bridge.store(key, data, { base: bases.get(key), expiresAt }).catch(tellOfReuse)
      if (base) bases.set(key, base)
    },

    async destroy(key, call = {}) {
      refuseListed(key)
      await bridge.destroy(key, { maxAge: undefined, call } satisfies AdoptedCall)
      loadedBy(call.ctx).delete(key)
    },
  }
}

/** What a call to the bridge passes to the store that is adopted. */
interface AdoptedCall {
  readonly maxAge: MaxAge
  readonly call: KoaSessionCall
}

function adopted(store: AdoptedKoaStore) {
  if (typeof store.get !== 'function' || typeof store.destroy !== 'function') {
    throw new ConfigError(
      `koaSessionStore: adopt is ${inspect(store, { depth: 0 })}. Give the store that koa-session had: an object with get and destroy.`,
    )
  }
  return {
    async get(key: string, ctx: unknown) {
      const { maxAge, call } = ctx as AdoptedCall
      const data = await store.get(key, maxAge, call)
      if (typeof data !== 'object' || data === null) return undefined
      const { _expire } = data as { readonly _expire?: unknown }
      return { data, expiresAt: typeof _expire === 'number' ? _expire + GRACE_MS : undefined }
    },
    async destroy(key: string, ctx: unknown) {
      // A save with a time that is over ends a session without a call of koa-session's.
      await store.destroy(key, (ctx as AdoptedCall | undefined)?.call ?? {})
    },
  }
}

/** Koa logs no error that is below 500. */
function tellOfReuse(error: unknown): never {
  if (isSessionGone(error)) warnOnce('HOLDFAST_ID_REUSED', error.message)
  throw error
}

function refuseListed(key: string): void {
  if (!isListed(key)) return
  throw new ConfigError(
    `${key} is a name from a list of sessions, and a client could send it. koaSessionStore takes keys of koa-session only.`,
  )
}
