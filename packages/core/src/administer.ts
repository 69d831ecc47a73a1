import { Budget, Pace } from './budget.js'
import { decode, parseData } from './codec.js'
import { Commits } from './commits.js'
import { type Duration, toMs } from './duration.js'
import { ConfigError } from './errors.js'
import { isExpired, listsKeys, type SessionRecord, type SessionStore } from './store.js'
import { indexKey, Users } from './users.js'

export interface AdministerOptions {
  /** So long the tombstone of a session lasts whose own end cannot be read. Default `'90d'`, the longest `remember.absolute` has. */
  readonly absolute?: Duration | undefined
  /** Ms since the epoch; default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

/** A session as it stands in the store. Times are ms since the epoch. */
export type ListedSession =
  | {
      readonly state: 'live'
      /** What `session.id` is in the app. */
      readonly id: string
      readonly userId: string | undefined
      readonly createdAt: number
      /** When it ends unless it is used. */
      readonly expiresAt: number
      /** When it ends whatever comes. */
      readonly absoluteExpiresAt: number
      /** `remember()` was called. */
      readonly remembered: boolean
      /** Of its data as JSON. */
      readonly bytes: number
      readonly data: Readonly<Record<string, unknown>>
    }
  /** `reason` says why this process cannot read it; never anything that stands in it. */
  | { readonly state: 'unreadable'; readonly id: string; readonly expiresAt: number; readonly reason: string }

type LiveSession = Extract<ListedSession, { readonly state: 'live' }>

/** The sessions of a store for a tool or a page of administrators: by id, without a request and without the secret. */
export interface Administration {
  /**
   * Every session that is there from the beginning of the listing to its end, once. Rejects with `ConfigError` for a store
   * that cannot list its keys. What was ended is none, and neither is what else stands in the store.
   */
  list(): AsyncIterable<ListedSession>
  /** `undefined`: there is none, or it has ended. */
  get(id: string): Promise<ListedSession | undefined>
  /** The live sessions of a user, by what `bindUser` was given. */
  listByUser(userId: string): Promise<readonly LiveSession[]>
  /** Ends a session, also for requests that are under way. False: there is none, or it had ended. */
  destroy(id: string): Promise<boolean>
  /** Ends the sessions of a user; resolves to how many it ended. */
  destroyByUser(userId: string): Promise<number>
}

/** A hash of 43 characters; `b_` before it is that of the bridges to other libraries. The rest is for the store's own use. */
const SESSION_KEY = /^(?:b_)?[A-Za-z0-9_-]{43}$/
const READ_AT_ONCE = 32

/** What an administrator can do with the sessions of `store`. All of it rejects with `StoreUnavailableError` while the store is away. */
export function administer(store: SessionStore, options: AdministerOptions = {}): Administration {
  const { absolute = '90d', clock = Date.now } = options
  const absoluteMs = toMs(absolute, 'administer: absolute')
  const pace = new Pace()
  const shared = { store, clock, pace }
  const commits = new Commits({ ...shared, maxBytes: Infinity, rejectFields: new Set() })
  const users = new Users({ ...shared, commits, limit: undefined })

  async function get(id: string): Promise<ListedSession | undefined> {
    if (!SESSION_KEY.test(id)) {
      throw new ConfigError(
        `${JSON.stringify(id)} is not the id of a session. It is what session.id is in the app, 43 letters, digits, _ and -; not the cookie.`,
      )
    }
    const record = await store.read(id, { fresh: true })
    return record && listed(id, record, clock())
  }

  /** To the engine a list that cannot be read is an empty one; who asks for it here must not take that for the truth. */
  async function assertReadableList(userId: string): Promise<void> {
    const record = await store.read(indexKey(userId), { fresh: true })
    const decoded = record?.data == null ? undefined : decode(record.data)
    if (decoded?.state !== 'undecodable') return
    throw new ConfigError(
      `The list of this user's sessions cannot be read: ${decoded.reason}. Ask with the keys that the app has.`,
    )
  }

  return {
    get,
    async *list() {
      const seen = new Set<string>()
      for await (const ids of batchesOf(store, seen)) {
        const found = await Promise.all(ids.map(get))
        for (const session of found) if (session) yield session
      }
    },
    async listByUser(userId) {
      await assertReadableList(userId)
      const now = clock()
      const snapshots = await users.list(userId)
      return snapshots.flatMap(({ key, record }) => {
        const session = listed(key, record, now)
        return session?.state === 'live' ? [session] : []
      })
    },
    async destroy(id) {
      const session = await get(id)
      if (!session) return false
      const isLive = session.state === 'live'
      const absoluteAt = isLive ? session.absoluteExpiresAt : clock() + absoluteMs
      const destroyed = await commits.destroy(id, absoluteAt, new Budget(pace))
      if (isLive && session.userId !== undefined) await users.forget(session.userId, [id], new Budget(pace))
      return destroyed
    },
    async destroyByUser(userId) {
      await assertReadableList(userId)
      return users.destroyAll(userId, undefined)
    },
  }
}

/** Keys of sessions that were not there before. A store may name one twice. */
async function* batchesOf(store: SessionStore, seen: Set<string>): AsyncIterable<readonly string[]> {
  if (!listsKeys(store)) {
    throw new ConfigError(
      `The store '${store.name}' cannot list what it has. Ask for one session by its id, or for those of a user.`,
    )
  }
  let batch: string[] = []
  for await (const key of store.keys()) {
    if (!SESSION_KEY.test(key) || seen.has(key)) continue
    seen.add(key)
    batch.push(key)
    if (batch.length < READ_AT_ONCE) continue
    yield batch
    batch = []
  }
  yield batch
}

function listed(id: string, record: SessionRecord, now: number): ListedSession | undefined {
  const { data: text, expiresAt } = record
  if (text === null || isExpired(record, now)) return undefined
  const decoded = decode(text)
  const unreadable = (reason: string): ListedSession => ({ state: 'unreadable', id, expiresAt, reason })
  if (decoded.state === 'undecodable') return unreadable(decoded.reason)
  if (decoded.state === 'newer') return unreadable(`a later version of Holdfast wrote it (${decoded.version})`)
  const { createdAt, absoluteAt, persistent, user, text: json } = decoded.envelope
  if (absoluteAt <= now) return undefined
  const data = parseData(json)
  if (!data) return unreadable('its data is not JSON')
  return {
    state: 'live',
    id,
    userId: user,
    createdAt,
    expiresAt,
    absoluteExpiresAt: absoluteAt,
    remembered: persistent,
    bytes: Buffer.byteLength(json),
    data,
  }
}
