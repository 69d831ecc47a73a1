import { type Budget, STORE_CALL_MS } from './budget.js'
import { CallGuard } from './call-guard.js'
import { type Draft, isTouchDue, type Snapshot, tombstone } from './changes.js'
import { parseData } from './codec.js'
import { keyOf } from './cookies.js'
import { type EngineParts, partsOf } from './engine-parts.js'
import { codeOf, ConfigError, isSessionGone, SessionGoneError } from './errors.js'
import { publishSession } from './events.js'
import type { Found } from './find-session.js'
import { offer } from './offer.js'
import { objectOf, refuseUnknown, wrong } from './option-checks.js'
import { encodeData } from './session.js'
import { listsKeys } from './store.js'

/** The store that a bridge takes sessions over from. `ctx` is what the call to the bridge was given. Both reject when they cannot answer. */
export interface AdoptedStore {
  /** The data of a live session, and its deadline in ms since the epoch where it has one. */
  get(id: string, ctx: unknown): Promise<AdoptedSession | undefined>
  destroy(id: string, ctx: unknown): Promise<void>
}
export interface AdoptedSession {
  readonly data: object
  readonly expiresAt?: number | undefined
}

export interface BridgeOptions {
  /** Sessions that are unknown here are looked for in this store, and taken over: nobody is logged out at the switch. */
  readonly adopt?: AdoptedStore | undefined
  /** Where the library keeps the deadline in its data. */
  readonly deadlineField?: DeadlineField | undefined
}

/** A field that says when the session ends: it never counts as a change, and what `load` gives has the true deadline there. */
export interface DeadlineField {
  /** The name of the field, `'_expire'`, or its way: `'cookie.expires'`. */
  readonly path: string
  /** What stands there for a deadline in ms since the epoch. A field that is absent, null or false stays so. */
  show(expiresAt: number): unknown
}

/** What a caller of a bridge worked on: against it a later `store` is compared and merged. Opaque. */
export interface BridgeBase {
  readonly key: string
  readonly snapshot: Snapshot
  /** The JSON of the data as this caller has it; in the record may be others' changes too. */
  readonly text: string
}

export interface LoadedSession {
  /** New for each call, so the caller may change it. */
  readonly data: Record<string, unknown>
  readonly base: BridgeBase
  /** Ms since the epoch. */
  readonly expiresAt: number
}

export interface StoreOptions {
  /** From the `load` or `store` that this data goes back to. */
  readonly base?: BridgeBase | undefined
  /** Ms since the epoch; that much time the session has from each request on. Past: the session is ended. Default: the option `idle`. */
  readonly expiresAt?: number | undefined
}

/**
 * Sessions of another session library in the stores of an engine, with its merge, deadlines and budgets. All calls reject
 * with `StoreUnavailableError` (status 503, `Retry-After`) while the store is away. Ids are hashed before a store sees them;
 * where a method takes an id, it takes one that `list` gave too.
 */
export interface Bridge {
  /** The live session of an id, `undefined` where there is none. `ctx` is passed to the adopted store. */
  load(id: string, ctx?: unknown): Promise<LoadedSession | undefined>
  /**
   * Stores data; resolves to the base for the next call. Unchanged against `base`: the deadline moves, at most once per
   * tenth of the idle time. Changed: merged with what others changed since. A session that ended meanwhile stays ended, and
   * that is no error. Without a base: a new session; where a live one is, it is replaced; where one has ended and its
   * tombstone stands, it rejects with `SessionGoneError` and the event `id-reused`.
   * Also rejects with `SessionConflictError`, `SessionTooLargeError` and `SessionNotJsonError`.
   */
  store(id: string, data: object, options?: StoreOptions): Promise<{ readonly base: BridgeBase | undefined }>
  /** Moves the deadline as an unchanged `store` does. A session that there is not, or not any more, is no error. */
  touch(id: string, options?: StoreOptions): Promise<void>
  /** Ends a session, for every request in flight too; where one is adopted, in the old store too. Resolves also where there was none. */
  destroy(id: string, ctx?: unknown): Promise<void>
  /** Names of the sessions that are stored, among them some that have ended. Throws `ConfigError` where the store cannot list. */
  list(): AsyncIterable<string>
  /** The name by which `list` gives the session of an id. */
  listedName(id: string): string
  /** The time that deadlines go by, in ms since the epoch: the option `clock`. */
  now(): number
}

/** The mark of a listed name. A request must never be let in by one: the hash is in logs. */
const LISTED = 'listed:'
/** A key of a session of a bridge, and the mark that a session was adopted: it is never adopted again. */
const SESSION = 'b_'
const ADOPTED = 'a_'
/** The last time that a `Date` can have. */
const NO_END = 8.64e15

/** Whether an id is one that `list` gave. What comes with a request must not be: treat such a request as one without a session. */
export const isListed = (id: string): boolean => /^listed:[\w-]{43}$/.test(id)

/** `sessions` is what `createSessions` or `createEngine` returned. Throws `ConfigError`. */
export function createBridge(sessions: object, options: BridgeOptions = {}): Bridge {
  const { adopt, deadlineField, ...unknown } = objectOf('createBridge: options', options)
  refuseUnknown('createBridge: ', unknown)
  return new EngineBridge(partsOf(sessions), adopt, deadlineField)
}

class EngineBridge implements Bridge {
  readonly #parts: EngineParts
  readonly #adopted: AdoptedStore | undefined
  readonly #guard = new CallGuard('adopted', { deadlineMs: STORE_CALL_MS, isAnswer: () => true })
  readonly #field: { readonly path: readonly string[]; show(expiresAt: number): unknown } | undefined

  constructor(parts: EngineParts, adopted: AdoptedStore | undefined, field: DeadlineField | undefined) {
    this.#parts = parts
    this.#adopted = adopted
    this.#field = field && { path: field.path.split('.'), show: (expiresAt) => field.show(expiresAt) }
  }

  async load(id: string, ctx?: unknown): Promise<LoadedSession | undefined> {
    const key = keyOfSession(id)
    const found = await this.#parts.find(key)
    if (found.state === 'live') return this.#loaded(key, found.snapshot)
    if (found.state !== 'absent') return undefined
    const adopted = this.#adopted && !isListed(id) ? await this.#adopt(this.#adopted, id, key, ctx) : undefined
    if (adopted) return this.#loaded(key, adopted)
    publishSession({ type: 'missing' })
    return undefined
  }

  store(id: string, data: object, options: StoreOptions = {}): Promise<{ readonly base: BridgeBase | undefined }> {
    return this.#store(id, data, options).catch(tellOf)
  }

  destroy(id: string, ctx?: unknown): Promise<void> {
    return this.#destroy(id, ctx).catch(tellOf)
  }

  async #store(
    id: string,
    data: object,
    { base, expiresAt }: StoreOptions,
  ): Promise<{ readonly base: BridgeBase | undefined }> {
    const key = keyOfSession(id)
    const text = this.#textOf(data)
    const idleMs = this.#idleMs(expiresAt)
    if (idleMs < 1) {
      await this.#destroy(id)
      return { base }
    }
    const budget = this.#parts.budget()
    if (base?.key === key) return { base: await this.#change(base, text, idleMs, budget) }
    if (isListed(id)) {
      const current = await this.#currentBase(key)
      return { base: current && (await this.#change(current, text, idleMs, budget)) }
    }
    return { base: await this.#storeWithoutBase(key, text, idleMs, budget) }
  }

  async touch(id: string, { base, expiresAt }: StoreOptions = {}): Promise<void> {
    const key = keyOfSession(id)
    const idleMs = this.#idleMs(expiresAt)
    if (idleMs < 1) return this.destroy(id)
    const known = base?.key === key ? base : await this.#currentBase(key)
    if (known) await this.#change(known, known.text, idleMs, this.#parts.budget())
  }

  async #destroy(id: string, ctx?: unknown): Promise<void> {
    const key = keyOfSession(id)
    // What cannot be read can be ended all the same: a record of a later version, or one that a near server lost.
    const found = await this.#parts.find(key, { fresh: true }).catch(() => undefined)
    if (found?.state !== 'ended') await this.#parts.commits.destroy(key, this.#endOf(found), this.#parts.budget())
    const adopted = this.#adopted
    if (adopted && !isListed(id)) await this.#guard.run('write', undefined, () => adopted.destroy(id, ctx))
  }

  async *list(): AsyncIterable<string> {
    const { store } = this.#parts
    if (!listsKeys(store)) {
      throw new ConfigError(`${store.name}: this store cannot list its keys, so there is no list of all sessions.`)
    }
    const told = new Set<string>()
    for await (const key of store.keys()) {
      if (!key.startsWith(SESSION) || told.has(key)) continue
      told.add(key)
      yield LISTED + key.slice(SESSION.length)
    }
  }

  now(): number {
    return this.#parts.config.clock()
  }

  listedName(id: string): string {
    return LISTED + keyOfSession(id).slice(SESSION.length)
  }

  /** What the caller changed against its base. An update never creates; what ended meanwhile is none of the caller's errors. */
  async #change(base: BridgeBase, text: string, idleMs: number, budget: Budget): Promise<BridgeBase> {
    const { commits, config } = this.#parts
    const { key, snapshot, text: baseText } = base
    const { envelope } = snapshot
    // A deadline is kept to a tenth of the idle time, so a smaller difference is none.
    const header = Math.abs(idleMs - envelope.idleMs) > envelope.idleMs / 10 ? { idleMs } : {}
    if (text === baseText && !('idleMs' in header)) {
      if (isTouchDue(snapshot, config.clock())) await commits.touch(key, snapshot, budget)
      return base
    }
    try {
      const next = await commits.update(key, { base: snapshot, baseText, text, header }, budget)
      return { key, snapshot: next, text }
    } catch (error) {
      if (isSessionGone(error)) return base
      throw error
    }
  }

  async #storeWithoutBase(key: string, text: string, idleMs: number, budget: Budget): Promise<BridgeBase> {
    for (;;) {
      const created = await this.#create(key, text, idleMs, budget)
      if (created) {
        publishSession({ type: 'created' })
        return { key, snapshot: created, text }
      }
      const found = await this.#parts.find(key, { fresh: true })
      if (found.state === 'live') return this.#change(baseOf(key, found.snapshot), text, idleMs, budget)
      if (found.state === 'ended') {
        publishSession({ type: 'id-reused' })
        throw new SessionGoneError(
          'A new session has an id whose session has ended, so it is not stored. Give each session an id of its own (genid, externalKey).',
        )
      }
      if (found.state === 'undecodable')
        throw new SessionGoneError('The stored session cannot be decoded; its record stays as it is.')
    }
  }

  async #current(key: string): Promise<Snapshot | undefined> {
    const found = await this.#parts.find(key, { fresh: true })
    return found.state === 'live' ? found.snapshot : undefined
  }

  async #currentBase(key: string): Promise<BridgeBase | undefined> {
    const snapshot = await this.#current(key)
    return snapshot && baseOf(key, snapshot)
  }

  /** `undefined`: something stands there. */
  async #create(key: string, text: string, idleMs: number, budget: Budget): Promise<Snapshot | undefined> {
    const { commits, config } = this.#parts
    const now = config.clock()
    const { givenAbsoluteMs } = config
    const absoluteAt = givenAbsoluteMs === undefined ? NO_END : now + givenAbsoluteMs
    const draft: Draft = { createdAt: now, idleMs, absoluteAt, persistent: false, user: undefined, text }
    try {
      return await commits.create(key, draft, budget)
    } catch (error) {
      if (isSessionGone(error)) return undefined
      throw error
    }
  }

  /** Beside others that adopt it, all get one and the same session; beside a destroy, none. */
  async #adopt(adopted: AdoptedStore, id: string, key: string, ctx: unknown): Promise<Snapshot | undefined> {
    const { config, store, find, budget } = this.#parts
    const mark = ADOPTED + key.slice(SESSION.length)
    // The old store keeps what was adopted, for the way back. It must not bring a session back that has expired here.
    if ((await find(mark, { fresh: true })).state === 'ended') return this.#current(key)
    const old = await this.#guard.run('read', undefined, () => adopted.get(id, ctx))
    if (!old) return undefined
    const idleMs = this.#idleMs(old.expiresAt)
    if (idleMs < 1) return undefined
    const commit = budget()
    const created = await this.#create(key, this.#textOf(old.data), idleMs, commit)
    if (!created) return this.#current(key)
    publishSession({ type: 'adopted' })
    // Without the mark the visitor is logged in all the same, for longer than an idle time at worst.
    const until = tombstone(config.clock() + config.longestAbsoluteMs)
    await offer(store, mark, until, 'newer', commit).catch(() => {})
    return created
  }

  #loaded(key: string, snapshot: Snapshot): LoadedSession | undefined {
    const { expiresAt } = snapshot.record
    const data = parseData(snapshot.envelope.text)
    if (!data) {
      publishSession({ type: 'undecodable', reason: 'its data is not a JSON object' })
      return undefined
    }
    const field = this.#field
    const shown = field ? withField(data, field.path, (value) => (value === 0 ? field.show(expiresAt) : value)) : data
    return { data: shown as Record<string, unknown>, base: baseOf(key, snapshot), expiresAt }
  }

  /** Without the deadline, which is the record's: a 0 says that there is one. */
  #textOf(data: unknown): string {
    if (typeof data !== 'object' || data === null) throw wrong('a session', data, 'an object')
    return encodeData(this.#field ? (withField(data, this.#field.path, (value) => value && 0) as object) : data)
  }

  #idleMs(expiresAt: number | undefined): number {
    if (expiresAt === undefined) return this.#parts.config.base.idleMs
    if (!Number.isFinite(expiresAt)) throw wrong('the deadline of a session', expiresAt, 'ms since the epoch')
    const now = this.#parts.config.clock()
    return Math.floor(Math.min(expiresAt, NO_END) - now)
  }

  /**
   * Until when the tombstone stands: as long as any copy of the session could live, in a store that was away or in the one
   * that is adopted.
   */
  #endOf(found: Found | undefined): number {
    const { base, longestAbsoluteMs, clock } = this.#parts.config
    const idleMs = found?.state === 'live' ? found.snapshot.envelope.idleMs : 0
    const leastMs = found && !this.#adopted ? base.absoluteMs : longestAbsoluteMs
    return Math.min(clock() + Math.max(idleMs, leastMs), NO_END)
  }
}

/** The libraries above send the answer all the same, so operators must hear of it. What is gone has events of its own. */
function tellOf(error: unknown): never {
  if (!isSessionGone(error)) publishSession({ type: 'commit-failed', code: codeOf(error) })
  throw error
}

/** That of a caller who has what is stored. */
const baseOf = (key: string, snapshot: Snapshot): BridgeBase => ({ key, snapshot, text: snapshot.envelope.text })

function keyOfSession(id: string): string {
  if (typeof id !== 'string' || id === '') throw wrong('the id of a session', id, 'a text that is not empty')
  return SESSION + (isListed(id) ? id.slice(LISTED.length) : keyOf(id))
}

/** A copy with another value at the end of the path, where there is one. Objects on the way are what JSON makes of them. */
function withField(
  value: unknown,
  [name = '', ...inner]: readonly string[],
  put: (value: unknown) => unknown,
): unknown {
  if (typeof value !== 'object' || value === null) return value
  const { toJSON } = value as { toJSON?: unknown }
  const plain = (typeof toJSON === 'function' ? toJSON.call(value, '') : { ...value }) as Record<string, unknown>
  if (typeof plain !== 'object' || plain === null || !Object.hasOwn(plain, name)) return plain
  return { ...plain, [name]: inner.length > 0 ? withField(plain[name], inner, put) : put(plain[name]) }
}
