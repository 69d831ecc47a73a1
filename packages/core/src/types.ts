import type { IncomingMessage, ServerResponse } from 'node:http'
import type { StoreAdapter } from './adapters.js'
import type { Duration } from './duration.js'
import type { NearCacheOptions } from './near-cache.js'
import type { Health, SessionStore } from './store.js'

/**
 * `T` as JSON gives it back, `never` where JSON would change it: functions (so also Date, Map, Set and every other
 * object with methods), bigint, symbols, and `undefined` inside an array.
 */
export type Jsonable<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends bigint | symbol | ((...args: never[]) => unknown)
      ? never
      : T extends readonly (infer Item)[]
        ? readonly JsonableItem<Item>[]
        : { [Field in keyof T]: Jsonable<T[Field]> }

type JsonableItem<Item> = unknown extends Item ? Item : undefined extends Item ? never : Jsonable<Item>

/** The names that data cannot have: the members of a session, and those that express-session's and koa-session's have. */
export type ReservedName = keyof SessionMembers | 'touch' | 'resetMaxAge' | 'cookie' | 'maxAge'

/** Fails to compile when a field of the data would hide a member of the session. */
export type NoClash<Data> =
  Extract<keyof Data, ReservedName> extends never
    ? unknown
    : { readonly 'reserved name of a session member': Extract<keyof Data, ReservedName> }

/** What `createSessions` demands of its data, as a part of its options: `options: SessionOptions<Data> & CheckedData<Data>`. */
export type CheckedData<Data extends object> = [Data] extends [Jsonable<Data>]
  ? NoClash<Data>
  : {
      readonly 'JSON would change these fields': {
        [Field in keyof Data as Data[Field] extends Jsonable<Data[Field]> ? never : Field]: Data[Field]
      }
    }

export type NodeCallback = (error?: unknown) => void

/** A shorter life for one session than the configured `remember` pair; what is left out is taken from there. */
export interface RememberedLifetime {
  readonly idle?: Duration | undefined
  readonly absolute?: Duration | undefined
}

/**
 * What a session has beside its data. Members are never own properties: `JSON.stringify`, spread and `for…in` see data
 * only. Assigning to one throws. With a callback, errors go to it and nothing is returned. The signature with the promise
 * comes last, as `ReturnType` and `.call` see the last one.
 */
export interface SessionMembers {
  /** The name of the record: a hash of the cookie's id, safe to log and worthless as a cookie. New after `rotate()`. */
  readonly id: string
  /** True until the session is stored for the first time. */
  readonly isNew: boolean
  /** When the session ends if no more request comes, in ms since the epoch. */
  readonly expiresAt: number
  /** When the session ends whatever comes, in ms since the epoch. */
  readonly absoluteExpiresAt: number

  save(callback: NodeCallback): void
  /** Stores now what would be stored before the response, an empty new session too. Done once it resolves, whatever the status. */
  save(): Promise<void>
  reload(callback: NodeCallback): void
  /** Reads the stored session into this object, past a near cache; unsaved changes are dropped. Rejects with `SessionGoneError` when it ended. */
  reload(): Promise<void>
  /** A new id with the same data: call it at each login. `id` is the new one at once, the old one ends with the next commit. */
  rotate(): void
  regenerate(callback: NodeCallback): void
  /** Ends this session and puts a new, empty one with a new id on the request. On an error the old one stays. */
  regenerate(): Promise<void>
  destroy(callback: NodeCallback): void
  /** Ends the session at once, for every request in flight too; the response clears the cookie. */
  destroy(): Promise<void>
  bindUser(userId: string, callback: NodeCallback): void
  /** Files the session under a user, for `listByUser` and `destroyByUser`. Rejects with `UserSessionLimitError`. */
  bindUser(userId: string): Promise<void>
  /** The session outlives the browser, by the `remember` pair of the options or up to it ("remember me"). */
  remember(lifetime?: RememberedLifetime): void
}

/** The session of a request. A new session is empty, so every field may be absent. */
export type Session<Data extends object> = Partial<Data> & SessionMembers

/** A session as it lies in the store, found by its user. Times in ms since the epoch. */
export interface StoredSession<Data extends object> {
  readonly id: string
  readonly createdAt: number
  readonly expiresAt: number
  readonly absoluteExpiresAt: number
  readonly data: Partial<Data>
}

/** `cookie` is the value of a `Cookie` request header, `'__Host-sid=…'`, with the route of `affinity`: whoever has it is logged in. */
export interface CreatedSession {
  readonly id: string
  readonly cookie: string
}

/** A request, or what carries one as `req`: Koa's `ctx`. */
export type RequestSource = IncomingMessage | { readonly req: IncomingMessage }

/** What `createSessions` returns, beside being the middleware. All of it rejects with `StoreUnavailableError` while the store is away. */
export interface Sessions<Data extends object> {
  /** The session of a request, typed. Throws `SessionNotMountedError` when the middleware did not run for it. */
  of(request: RequestSource): Session<Data>
  /** The live session of a request's cookie, for upgrade requests; changes and sets nothing. `undefined`: there is none. */
  read(request: RequestSource): Promise<Readonly<Session<Data>> | undefined>
  /**
   * Loads the session of a request's cookie, runs `change` once, commits what it changed as a request would. For WebSocket
   * messages and jobs: no cookie is set or cleared. Resolves to what `change` returned; rejects with `SessionGoneError`
   * when there is no live session.
   */
  update<Result>(request: RequestSource, change: (session: Session<Data>) => Result | Promise<Result>): Promise<Result>
  /** Stores a new session and gives its cookie: for tests, jobs, single sign-on. */
  create(data: Partial<Data>, options?: { readonly userId?: string | undefined }): Promise<CreatedSession>
  /** The live sessions that were bound to this user. */
  listByUser(userId: string): Promise<StoredSession<Data>[]>
  /** Ends the sessions of a user, but for the one whose `session.id` is `except`. Resolves to how many it ended. */
  destroyByUser(userId: string, options?: { readonly except?: string | undefined }): Promise<number>
  /** Resolves when the store says that it is ready; rejects after 10 s with what it said. Calling it is optional. */
  ready(): Promise<void>
  /**
   * Whether the balancer should send requests to this process now: what the app answers as 200 or 503 on a path of its own.
   * Not before the store has answered for the first time, not after `drain()` or `close()`, and not while a store that
   * lies in this process says no. A shared store that goes away later changes nothing: it is away for all nodes.
   */
  health(): Health
  /**
   * This process leaves: `health()` says so at once, a store that has sessions in this process hands them over, and commits
   * in flight are finished. Requests are still served. The app calls it on SIGTERM, waits until the balancer has noticed,
   * and closes its server. May be called twice.
   */
  drain(): Promise<void>
  /**
   * What the store knows about itself, for people and dashboards: of `peer:` its `PeerStatus`, of several stores the
   * `MemberState` of each; `undefined` where it has nothing to say. Rejects as the store does.
   */
  status(): Promise<unknown>
  /** Waits for commits in flight, at most 5 s, and closes the stores that were opened here. May be called twice. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export interface CookieOptions {
  /**
   * Default `'__Host-sid'`; `'__Secure-sid'` with a `domain` or a `path`; `'sid'` when not `secure`. A name whose prefix
   * contradicts the other attributes is a `ConfigError`: browsers drop such a cookie in silence (RFC 6265bis, 4.1.3).
   */
  readonly name?: string | undefined
  /** Sends the cookie to subdomains too. Default: to this host only. */
  readonly domain?: string | undefined
  /** Default `'/'`. Requests outside of it have no session. */
  readonly path?: string | undefined
  /** Default `'lax'`. `'none'`, for apps embedded in other sites, needs `secure`. */
  readonly sameSite?: 'lax' | 'strict' | 'none' | undefined
  /** Default: true, unless `NODE_ENV` is `development` or `test`. It never depends on the request. */
  readonly secure?: boolean | undefined
  /** Default false. One cookie for each embedding site (CHIPS); needs `secure`. */
  readonly partitioned?: boolean | undefined
  /** Which cookies the browser drops last. Default: nothing is said, which browsers take as `'medium'`. */
  readonly priority?: 'low' | 'medium' | 'high' | undefined
}

/** Every option is checked where `createSessions` is called; a bad one throws a `ConfigError` that names it. */
export interface SessionOptions<Data extends object = Record<string, unknown>> {
  /**
   * Signs the cookies: 32 bytes or more, from the environment. A list is a key ring, newest first: the first signs, all
   * are accepted, absent older ones are skipped. Sessions live on while a secret is replaced.
   */
  readonly secret: string | undefined | readonly (string | undefined)[]
  /**
   * Where sessions live: `'memory:'`, another URL whose scheme has an adapter, or a store object. Default `'memory:'`,
   * but not under `NODE_ENV=production`, where an absent or empty one is an error.
   */
  readonly store?: string | SessionStore | undefined
  /**
   * A second store, as `store` is given, which has each session too: logins go on while one of both is away, and what was
   * written meanwhile is on it once it is back and used. See `failover`. Default: none.
   */
  readonly failover?: string | SessionStore | undefined
  /**
   * Where sessions were until now: they move to `store`, and `failover`, while the site runs, in phases that
   * `npx @holdfast/cli migrate` moves. A URL or a store. See `migrate`. Default: nothing is moved.
   */
  readonly migrateFrom?: string | SessionStore | undefined
  /**
   * Answers reads from this process: `{ maxStaleMs: 500 }`. What another process changes is then seen here up to so much
   * later, a logout too; a change that is made from such an old read is merged, never lost. Default: off.
   */
  readonly nearCache?: Omit<NearCacheOptions, 'clock'> | undefined
  /**
   * Keeps sessions unreadable for the servers of a store that is given as a URL: AES-256-GCM. Each key is 32 bytes in
   * base64, base64url or hex, from the environment. A list is a key ring, newest first: the first seals what is written,
   * all open, absent older ones are skipped; `'plain'` in the first place seals nothing yet. What was stored before is read
   * as it is. `memory:` and `peer:` keep sessions in the processes that have the keys, and seal nothing. Default: off.
   */
  readonly encryptionKeys?: string | undefined | readonly (string | undefined)[]
  /** Sends each visitor back to the node that has the session. Default: off, the balancer decides. */
  readonly affinity?: AffinityOptions | undefined
  /** The adapters of a bundled app. Default: the one for the URL's scheme is imported from its package. */
  readonly adapters?: readonly StoreAdapter[] | undefined

  /** The session ends when no request came for so long. Default `'30m'`. */
  readonly idle?: Duration | undefined
  /** The session ends so long after its start, whatever comes. Default `'12h'`. */
  readonly absolute?: Duration | undefined
  /** The pair for sessions that called `remember()`, never shorter than the other. Default `{ idle: '30d', absolute: '90d' }`. */
  readonly remember?: RememberedLifetime | undefined

  readonly cookie?: CookieOptions | undefined
  /** Fields of which two requests must not both change: the later commit rejects with `SessionConflictError`. Default: merged. */
  readonly merge?: { readonly [Field in keyof Data]?: 'reject' | undefined } | undefined
  /** Whether a response with this status stores what its request changed. Default: below 500. */
  readonly commitOn?: ((status: number) => boolean) | undefined
  /** The largest session in bytes of JSON. Default 65,536; beyond it a commit rejects with `SessionTooLargeError`. */
  readonly maxBytes?: number | undefined
  /** How many sessions one user may have, 1 to 1,000. Default: no limit. A number alone evicts the oldest. */
  readonly maxPerUser?: number | UserLimit | undefined

  /**
   * What a request with a valid cookie gets while the store is away: `'reject'`, the default, answers 503; `'ephemeral'`
   * gives it an empty session for this request only.
   */
  readonly onUnavailable?: 'reject' | 'ephemeral' | undefined
  /** Renders the answer when a commit failed after the handler had begun one. Default: a plain 503, 409 or 500. */
  readonly onCommitError?: ((error: unknown, req: IncomingMessage, res: ServerResponse) => void) | undefined
  /** True leaves a request alone: no session, no store call. Default: none is skipped. */
  readonly skip?: ((req: IncomingMessage) => boolean) | undefined
  /** The time in ms since the epoch, for tests. Default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

/**
 * A signed cookie that tells the balancer which nodes are nearest to the session, `a.b.signature`: the first, and a second
 * for when that one is away. It goes with the session cookie, with the same attributes and lifetime, and is put right by
 * whichever node answers. Which nodes they are is told by the store where it ranks them (`RanksNodes`); of another store it
 * is the node that answered. `npx @holdfast/cli lb` prints the balancer's side.
 */
export interface AffinityOptions {
  /**
   * The name of this process: 1 to 32 letters, digits, `_` and `-`, its own among all nodes, and the same after a restart.
   * The balancer's configuration has it, and a store that ranks nodes calls this process by it.
   */
  readonly node: string
  /**
   * The name of the cookie: letters, digits and `_`, because nginx takes no other as a variable. Default `'holdfast_route'`.
   * Two engines on one site have two names.
   */
  readonly cookie?: string | undefined
}

export interface UserLimit {
  readonly limit: number
  /** `'evict-oldest'` ends the user's oldest session, `'reject'` makes `bindUser` reject with `UserSessionLimitError`. */
  readonly whenReached: 'evict-oldest' | 'reject'
}
