import type { EventEmitter } from 'node:events'
import * as nodeModule from 'node:module'
import { type Bridge, type BridgeBase, ConfigError, createBridge, isListed, type Sessions } from '@holdfast/core'
import {
  adoptedStore,
  clearOld,
  cookieText,
  deadlineOf,
  type Fields,
  idsOf,
  type OldStore,
  storedCookie,
} from './old-store.js'

/** A session as it is stored: the fields of the app, and `cookie`. With the types of express-session it is their `SessionData`. */
export type StoredFields = ExpressSessionTypes extends { createSession(req: never, session: infer Fields): unknown }
  ? Fields
  : Record<string, unknown>

/**
 * What the types of express-session call a `Store`, where the app has them. They are taken from where they put
 * themselves, the types of Express: an import would put them there for everybody.
 */
type ExpressSessionTypes = Express.Request extends { sessionStore: infer Store } ? Store : unknown

type Callback<Answer extends unknown[] = []> = (error?: unknown, ...answer: Answer) => void

/** A `Store` for express-session. With a callback an error goes to it and nothing is returned; without, a promise is. */
export type ExpressSessionStore = StoreMethods & ExpressSessionTypes & EventEmitter

interface StoreMethods {
  get(sid: string, callback: Callback<[session?: StoredFields]>): void
  get(sid: string): Promise<StoredFields | undefined>
  /** Stores a session; what concurrent requests changed is merged. One that ended meanwhile stays ended, without an error. */
  set(sid: string, session: StoredFields, callback: Callback): void
  set(sid: string, session: StoredFields): Promise<void>
  touch(sid: string, session: StoredFields, callback: Callback): void
  touch(sid: string, session: StoredFields): Promise<void>
  destroy(sid: string, callback: Callback): void
  destroy(sid: string): Promise<void>
  all(callback: Callback<[sessions?: ListedSession[]]>): void
  /**
   * The live sessions. Each has an `id` that `get`, `set`, `touch` and `destroy` take; it is no id of a cookie, and a
   * request with it gets a new session. Rejects with `ConfigError` where the store cannot list its keys.
   */
  all(): Promise<ListedSession[]>
  length(callback: Callback<[length?: number]>): void
  length(): Promise<number>
  clear(callback: Callback): void
  /** Ends all sessions of express-session; those of `createSessions` go on. */
  clear(): Promise<void>
}
export type ListedSession = StoredFields & { readonly id: string }

export interface ExpressSessionStoreOptions {
  /** The store that the app had until now. Its sessions go on: each is taken over when its visitor comes. */
  readonly adopt?: OldStore | undefined
  /** `session.Store` of the app's own express-session, for bundled apps. Default: that of the one which is installed. */
  readonly Store?: unknown
}

type StoreClass = new () => EventEmitter & {
  createSession(req: SessionRequest, session: Fields): object
  /** Given by `session()`: a new session on a request. */
  generate?(req: SessionRequest): void
}
interface SessionRequest {
  readonly sessionID: string
  readonly session?: object
}

/** How far a session object has come: what it is compared with, and the call for it that is under way. */
interface Progress {
  base: BridgeBase | undefined
  cookie: string | undefined
  last: Promise<unknown>
}

const AT_ONCE = 16
const deadlineField = { path: 'cookie.expires', show: (expiresAt: number) => new Date(expiresAt).toISOString() }

/**
 * A store for express-session 1.19: `session({ store: expressSessionStore(sessions), … })`. Its API, cookies and types stay;
 * below them are the stores, the merge, the hashed keys, the deadlines and the budgets of `sessions`. All methods fail with
 * `StoreUnavailableError` (status 503, `Retry-After`) while the store is away, and it never emits `disconnect`.
 * Throws `ConfigError`.
 */
export function expressSessionStore<Data extends object>(
  sessions: Sessions<Data>,
  { adopt, Store = installedStore(), ...unknown }: ExpressSessionStoreOptions = {},
): ExpressSessionStore {
  const [name] = Object.keys(unknown)
  if (name !== undefined) throw new ConfigError(`expressSessionStore: there is no option ${name}.`)
  if (!isStoreClass(Store)) {
    throw new ConfigError(
      `expressSessionStore: Store is ${typeof Store === 'function' ? `the function ${Store.name}` : String(Store)}. Give session.Store of express-session, or leave it out.`,
    )
  }
  const bridge: Bridge = createBridge(sessions, {
    adopt: adopt && adoptedStore(adopt, () => bridge.now()),
    deadlineField,
  })
  return new (storeOver(Store))(bridge, adopt) as unknown as ExpressSessionStore
}

const isStoreClass = (value: unknown): value is StoreClass =>
  typeof value === 'function' && typeof (value.prototype as { createSession?: unknown })?.createSession === 'function'

function installedStore(): unknown {
  try {
    return (nodeModule.createRequire(import.meta.url)('express-session') as { Store: unknown }).Store
  } catch (cause) {
    throw new ConfigError(
      'expressSessionStore needs the package express-session, which is not installed. Run: npm install express-session (a bundled app passes { Store: session.Store } instead).',
      { cause },
    )
  }
}

const storeOver = (Store: StoreClass) =>
  class HoldfastStore extends Store {
    readonly #bridge: Bridge
    readonly #adopted: OldStore | undefined
    readonly #progress = new WeakMap<object, Progress>()

    constructor(bridge: Bridge, adopted: OldStore | undefined) {
      super()
      this.#bridge = bridge
      this.#adopted = adopted
    }

    /** The object that `get` gave becomes `req.session`: the base goes along. */
    override createSession(req: SessionRequest, session: Fields): object {
      if (isListed(req.sessionID) && 'headers' in req && this.generate) {
        this.generate(req)
        return req.session as object
      }
      const made = super.createSession(req, session)
      const { base, cookie } = this.#progressOf(session)
      this.#progress.set(made, { base, cookie, last: Promise.resolve() })
      return made
    }

    get(sid: string, ...given: Given): unknown {
      return reply(this.#get(sid), given)
    }
    set(sid: string, session: Fields, ...given: Given): unknown {
      return reply(this.#set(sid, session), given)
    }
    touch(sid: string, session: Fields, ...given: Given): unknown {
      return reply(this.#touch(sid, session), given)
    }
    destroy(sid: string, ...given: Given): unknown {
      return reply(this.#bridge.destroy(sid), given)
    }
    all(...given: Given): unknown {
      return reply(this.#all(), given)
    }
    length(...given: Given): unknown {
      return reply(
        this.#all().then(({ length }) => length),
        given,
      )
    }
    clear(...given: Given): unknown {
      return reply(this.#clear(), given)
    }

    async #get(sid: string): Promise<Fields | undefined> {
      const loaded = await this.#bridge.load(sid)
      if (!loaded) return undefined
      const { data, base } = loaded
      this.#progress.set(data, { base, cookie: cookieText(data), last: Promise.resolve() })
      return data
    }

    #set(sid: string, session: Fields): Promise<void> {
      return this.#inOrder(session, async (progress) => {
        const { id, ...fields } = session
        const data = { ...(id === sid ? fields : session), cookie: storedCookie(session) }
        const options = { base: progress.base, expiresAt: deadlineOf(session, this.#bridge.now()) }
        progress.base = (await this.#bridge.store(sid, data, options)).base
        progress.cookie = cookieText(session)
      })
    }

    /** Beside the deadline, another `cookie.maxAge` is stored, as MemoryStore does; no other field is. */
    #touch(sid: string, session: Fields): Promise<void> {
      return this.#inOrder(session, async (progress) => {
        const expiresAt = deadlineOf(session, this.#bridge.now())
        const cookie = cookieText(session)
        if (progress.cookie === cookie) return this.#bridge.touch(sid, { base: progress.base, expiresAt })
        const stored = await this.#bridge.load(sid)
        if (!stored) return
        const { data, base } = stored
        if (cookieText(data) === cookie) await this.#bridge.touch(sid, { base, expiresAt })
        else await this.#bridge.store(sid, { ...data, cookie: storedCookie(session) }, { base, expiresAt })
        progress.cookie = cookie
      })
    }

    async #all(): Promise<Fields[]> {
      if (this.#adopted) await eachOf(await idsOf(this.#adopted), (id) => this.#bridge.load(id))
      const sessions: Fields[] = []
      await eachOf(this.#bridge.list(), async (id) => {
        const session = await this.#get(id)
        if (session) sessions.push(Object.assign(session, { id }))
      })
      return sessions
    }

    async #clear(): Promise<void> {
      if (this.#adopted) await clearOld(this.#adopted)
      await eachOf(this.#bridge.list(), (id) => this.#bridge.destroy(id))
    }

    #progressOf(session: object): Progress {
      const known = this.#progress.get(session)
      if (known) return known
      const fresh: Progress = { base: undefined, cookie: undefined, last: Promise.resolve() }
      this.#progress.set(session, fresh)
      return fresh
    }

    /** A save and the one at the end of the response are two changes, the second against the first. */
    #inOrder(session: object, work: (progress: Progress) => Promise<void>): Promise<void> {
      const progress = this.#progressOf(session)
      const mine = progress.last.then(() => work(progress))
      progress.last = mine.catch(() => {})
      return mine
    }
  }

type Given = [callback?: ((error: unknown, answer?: unknown) => void) | undefined]

function reply<Answer>(answer: Promise<Answer>, given: Given): Promise<Answer> | void {
  const [callback] = given
  if (typeof callback === 'function') {
    answer.then(
      (value) => process.nextTick(callback, null, value),
      (error: unknown) => process.nextTick(callback, error),
    )
    return
  }
  // `req.session.destroy()` comes as a callback that is undefined, and nobody has the promise.
  if (given.length > 0) answer.catch(() => {})
  return answer
}

async function eachOf(ids: AsyncIterable<string> | Iterable<string>, work: (id: string) => Promise<unknown>) {
  const left = (async function* () {
    yield* ids
  })()
  const worker = async () => {
    for (let next = await left.next(); !next.done; next = await left.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}
