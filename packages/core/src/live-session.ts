import { toMs } from './duration.js'
import { keyOf, newSessionId } from './cookies.js'
import type { Change, Draft, Snapshot } from './changes.js'
import { deadline } from './changes.js'
import { parseData } from './codec.js'
import type { Commits } from './commits.js'
import {
  ConfigError,
  isSessionGone,
  SessionGoneError,
  SessionLateWriteError,
  SessionNotJsonError,
  type StoreUnavailableError,
} from './errors.js'
import { publishSession, warnOnce } from './events.js'
import type { Lifetime } from './lifetimes.js'
import type { Config } from './options.js'
import { deepFreeze, makeSession, refill, type SessionActions } from './session.js'
import type { RememberedLifetime } from './types.js'
import type { Users } from './users.js'

/** What a live session needs from its engine. */
export interface SessionParts {
  readonly config: Config
  readonly commits: Commits
  readonly users: Users
  load(key: string): Promise<Snapshot | undefined>
}

/** What a live session needs from its request. */
export interface SessionHost {
  /** The client can still get a cookie with this response. */
  readonly takesCookies: boolean
  /** The handler has ended its response: what it changes from now on is stored by nobody. */
  readonly hasEnded: boolean
  /** One after the other: `save()` beside a commit. */
  serial<T>(work: () => Promise<T>): Promise<T>
  sendCookie(session: LiveSession): void
  regenerate(session: LiveSession): Promise<void>
  destroy(session: LiveSession): Promise<void>
}

/** The stored session that a request's cookie names. */
export interface Origin {
  readonly secret: string
  readonly key: string
  readonly snapshot: Snapshot
}

/**
 * One session in one request: its object, what the store had when it was read (`base`), and what the next commit will
 * change beside the data. A request has one at a time, and another one after `destroy()` and `regenerate()`.
 */
export class LiveSession implements SessionActions {
  readonly production: boolean
  /** The store could not be read: a session for this request only. */
  readonly outage: StoreUnavailableError | undefined
  readonly #parts: SessionParts
  readonly #host: SessionHost
  readonly #startedAt: number
  #secret: string | undefined
  #key: string | undefined
  #base: Snapshot | undefined
  #object: object | undefined
  /** What JSON of the data counts as unchanged. */
  #cleanText: string
  #dirtyText: string | undefined
  /** Stored even when empty: the app asked for it by `regenerate()` or `save()`. */
  #wanted: boolean
  #rotatedFrom: string | undefined
  #user: string | undefined
  #lifetime: { readonly idleMs: number; readonly absoluteAt: number } | undefined
  #indexed: string | undefined
  #ended = false
  #frozen = false
  #sealed = false

  constructor(
    parts: SessionParts,
    host: SessionHost,
    {
      origin,
      wanted = false,
      outage,
    }: {
      readonly origin?: Origin | undefined
      readonly wanted?: boolean
      readonly outage?: StoreUnavailableError | undefined
    } = {},
  ) {
    this.#parts = parts
    this.#host = host
    this.#startedAt = parts.config.clock()
    this.#secret = origin?.secret
    this.#key = origin?.key
    this.#base = origin?.snapshot
    this.#cleanText = origin?.snapshot.envelope.text ?? '{}'
    this.#wanted = wanted
    this.outage = outage
    this.production = parts.config.production
  }

  /** The session object, or undefined when the stored data cannot be decoded. Made at its first use. */
  object(): object | undefined {
    if (this.#object) return this.#object
    const data = parseData(this.#cleanText)
    if (!data) {
      publishSession({ type: 'undecodable', reason: 'its data is not a JSON object' })
      return undefined
    }
    this.#object = makeSession(this, data)
    return this.#object
  }

  /** The id that goes into the cookie. */
  get secret(): string {
    this.#secret ??= newSessionId()
    return this.#secret
  }
  get sessionId(): string {
    this.#key ??= keyOf(this.secret)
    return this.#key
  }
  get isNew(): boolean {
    return this.#base === undefined
  }
  get isStored(): boolean {
    return this.#base !== undefined && !this.#ended
  }
  get persistent(): boolean {
    return this.#lifetime !== undefined || (this.#base?.envelope.persistent ?? false)
  }
  get expiresAt(): number {
    if (this.#base && !this.#lifetime) return this.#base.record.expiresAt
    return deadline(this.#draftHeader(), this.#now)
  }
  get absoluteExpiresAt(): number {
    return this.#draftHeader().absoluteAt
  }
  /** The key under which a record stands now, while a rotation is only wanted. */
  get storedKey(): string | undefined {
    return this.#base && (this.#rotatedFrom ?? this.sessionId)
  }
  /** Until when its tombstone must stand. */
  get storedUntil(): number {
    return this.#base?.envelope.absoluteAt ?? 0
  }
  get isFilled(): boolean {
    return this.#object ? Object.keys(this.#object).length > 0 : this.#cleanText !== '{}'
  }
  get #now(): number {
    return this.#parts.config.clock()
  }

  /** Whether a commit has anything to do. Throws `SessionNotJsonError`. */
  needsCommit(): boolean {
    if (this.#ended || this.outage) return false
    this.#dirtyText = this.#object && this.#encode(this.#object)
    if (this.#dirtyText === this.#cleanText) this.#dirtyText = undefined
    if (this.#dirtyText !== undefined || this.#user !== undefined) return true
    if (!this.#base) return this.#wanted
    return this.#lifetime !== undefined || this.#rotatedFrom !== undefined || this.#isTouchDue(this.#base)
  }

  /** Writes what `needsCommit` found. Rejects with `SessionGoneError` when the session ended meanwhile. */
  async commit(): Promise<void> {
    try {
      await (this.#base ? this.#commitStored(this.#base) : this.#commitNew())
    } catch (error) {
      if (isSessionGone(error)) this.#ended = true
      throw error
    }
  }

  async save(): Promise<void> {
    this.#assertWritable()
    await this.#host.serial(async () => {
      if (this.outage) throw this.outage
      if (this.#ended) throw new SessionGoneError()
      if (this.isNew) this.#wanted = true
      if (!this.needsCommit()) return
      if ((this.isNew || this.#rotatedFrom !== undefined || this.#lifetime) && !this.#host.takesCookies)
        throw new SessionLateWriteError('save()')
      await this.commit()
    })
  }

  async reload(): Promise<void> {
    this.#assertWritable()
    await this.#host.serial(async () => {
      if (this.#host.hasEnded || this.#frozen) throw new SessionLateWriteError('reload() after the end of the response')
      if (this.outage) throw this.outage
      const snapshot = this.#base && !this.#ended ? await this.#parts.load(this.storedKey as string) : undefined
      const data = snapshot && parseData(snapshot.envelope.text)
      if (!snapshot || !data) throw new SessionGoneError()
      this.#base = snapshot
      this.#cleanText = snapshot.envelope.text
      if (this.#object) refill(this.#object, data)
    })
  }

  rotate(): void {
    this.#assertCookies('rotate()')
    if (this.#ended) throw new SessionGoneError()
    if (this.#base) this.#rotatedFrom ??= this.sessionId
    this.#secret = undefined
    this.#key = undefined
  }

  async regenerate(): Promise<void> {
    this.#assertCookies('regenerate()')
    return this.#host.regenerate(this)
  }

  async destroy(): Promise<void> {
    this.#assertWritable()
    return this.#host.destroy(this)
  }

  async bindUser(userId: string): Promise<void> {
    this.#assertWritable()
    if (typeof userId !== 'string' || userId === '') {
      throw new ConfigError(
        `bindUser() takes the user's id as a text that is not empty, not ${JSON.stringify(userId) ?? 'undefined'}.`,
      )
    }
    if (this.outage) throw this.outage
    if (this.#ended) throw new SessionGoneError()
    if (!this.production && this.#base && this.#rotatedFrom === undefined && this.#base.envelope.user !== userId) {
      warnOnce(
        'HOLDFAST_FIXATION',
        'bindUser() was called on a session whose id existed before the login. Call session.rotate() first: an attacker may have planted that id.',
      )
    }
    await this.#host.serial(async () => {
      await this.#index(userId)
      this.#user = userId
    })
  }

  remember(lifetime: RememberedLifetime = {}): void {
    this.#assertCookies('remember()')
    const { idleMs, absoluteMs } = rememberedLifetime(lifetime, this.#parts.config.remember)
    const until = this.#now + absoluteMs
    // Repeated calls never move the end: only the first one of a session, and one with a new id, counts from now.
    const absoluteAt =
      this.persistent && this.#rotatedFrom === undefined ? Math.min(until, this.absoluteExpiresAt) : until
    this.#lifetime = { idleMs: Math.min(idleMs, absoluteMs), absoluteAt }
  }

  /** Stores it even when it is empty. */
  want(): void {
    this.#wanted = true
  }

  /** For `sessions.read`: data is frozen and every member that would change something rejects. */
  seal(): void {
    this.#sealed = true
    this.freeze()
  }

  /** `ctx.session = data`: the same session with other data. */
  replace(data: Readonly<Record<string, unknown>>): void {
    const object = this.object()
    if (object) refill(object, { ...data })
  }

  /** The session is over for this request; its object is dead. */
  end(): void {
    this.#ended = true
    if (!this.#object) return
    if (!this.production) this.freeze()
    else this.#cleanText = JSON.stringify(this.#object)
  }

  /** From here on a change would be lost. The data becomes a frozen copy: what the app shares with it stays its own. */
  freeze(): void {
    if (this.#frozen || !this.#object) return
    this.#frozen = true
    refill(this.#object, parseData(this.#dirtyText ?? this.#encode(this.#object)) ?? {})
    deepFreeze(this.#object)
  }

  /** Whether the object was changed since the last commit or since its end. */
  isChanged(): boolean {
    if (this.#frozen || !this.#object) return false
    try {
      return this.#encode(this.#object) !== this.#cleanText
    } catch {
      return true
    }
  }

  get hasEnded(): boolean {
    return this.#ended
  }

  async #commitNew(): Promise<void> {
    const draft: Draft = { ...this.#draftHeader(), text: this.#dirtyText ?? this.#cleanText }
    if (draft.user !== undefined) await this.#index(draft.user)
    const snapshot = await this.#parts.commits.create(this.sessionId, draft)
    this.#acknowledged(snapshot, draft.text)
    this.#host.sendCookie(this)
    publishSession({ type: 'created' })
  }

  async #commitStored(base: Snapshot): Promise<void> {
    const text = this.#dirtyText ?? this.#cleanText
    const rotatedFrom = this.#rotatedFrom
    if (this.#dirtyText === undefined && this.#user === undefined && !this.#lifetime && rotatedFrom === undefined)
      return this.#touch(base)
    const header = this.#draftHeader()
    const user = header.user
    if (user !== undefined && (rotatedFrom !== undefined || this.#lifetime)) await this.#index(user)
    const change: Change = { base, baseText: this.#cleanText, text, header: this.#changedHeader(header) }
    if (rotatedFrom === undefined) {
      const remembered = this.#lifetime !== undefined
      this.#acknowledged(await this.#parts.commits.update(this.sessionId, change), text)
      if (remembered) this.#host.sendCookie(this)
      return
    }
    const rotation = { oldKey: rotatedFrom, newKey: this.sessionId, change, bound: this.#user !== undefined }
    this.#acknowledged(await this.#parts.commits.rotate(rotation), text)
    this.#host.sendCookie(this)
    publishSession({ type: 'rotated' })
  }

  async #touch(base: Snapshot): Promise<void> {
    const { user, absoluteAt } = base.envelope
    const moved = this.#parts.commits.touch(this.sessionId, base)
    if (user !== undefined) await this.#parts.users.ensure(user, this.sessionId, absoluteAt)
    await moved
  }

  /** The record may hold others' changes too; against it, this request has changed nothing but what it holds itself. */
  #acknowledged(snapshot: Snapshot, text: string): void {
    this.#base = snapshot
    this.#cleanText = text
    this.#dirtyText = undefined
    this.#wanted = false
    this.#rotatedFrom = undefined
    this.#user = undefined
    this.#lifetime = undefined
  }

  /** The index first, the session second. */
  async #index(user: string): Promise<void> {
    const { absoluteAt } = this.#draftHeader(user)
    const entry = `${user}\n${this.sessionId}\n${absoluteAt}`
    if (this.#indexed === entry) return
    await this.#parts.users.add(user, { key: this.sessionId, absoluteAt, replaces: this.#rotatedFrom })
    this.#indexed = entry
  }

  #draftHeader(user = this.#user ?? this.#base?.envelope.user): Omit<Draft, 'text'> {
    const envelope = this.#base?.envelope
    // A login (a new id and a user bound by this very request) starts a new life.
    const isLogin = this.#rotatedFrom !== undefined && (this.#user !== undefined || user !== envelope?.user)
    const kept = isLogin ? undefined : envelope
    const createdAt = kept?.createdAt ?? this.#startedAt
    const { idleMs, absoluteMs } = this.#parts.config.base
    const fallback = {
      idleMs: envelope?.idleMs ?? idleMs,
      absoluteAt: kept?.absoluteAt ?? Math.max(createdAt + absoluteMs, envelope?.absoluteAt ?? 0),
    }
    return { createdAt, persistent: this.persistent, user, ...(this.#lifetime ?? fallback) }
  }

  #changedHeader(header: Omit<Draft, 'text'>): Change['header'] {
    const { user, ...life } = header
    const changesLife = this.#lifetime !== undefined || header.createdAt !== this.#base?.envelope.createdAt
    return { ...(changesLife && life), ...(this.#user !== undefined && { user }) }
  }

  #isTouchDue({ record, envelope }: Snapshot): boolean {
    const now = this.#now
    return record.expiresAt - now < 0.9 * envelope.idleMs && deadline(envelope, now) > record.expiresAt
  }

  #assertWritable(): void {
    if (this.#sealed)
      throw new ConfigError(
        'This session was read with sessions.read(), which changes nothing. Use sessions.update(req, change).',
      )
  }

  #assertCookies(what: string): void {
    this.#assertWritable()
    if (!this.#host.takesCookies) throw new SessionLateWriteError(what)
  }

  #encode(object: object): string {
    try {
      const text = JSON.stringify(object)
      if (text.startsWith('{')) return text
      throw new TypeError('it has a toJSON that makes no object')
    } catch (cause) {
      throw new SessionNotJsonError(culprit(object), cause)
    }
  }
}

/** The first field that JSON cannot encode by itself. */
function culprit(object: object): string {
  for (const [field, value] of Object.entries(object)) {
    try {
      JSON.stringify(value)
    } catch {
      return field
    }
  }
  return 'toJSON'
}

function rememberedLifetime(given: RememberedLifetime, longest: Lifetime): Lifetime {
  const pick = (name: 'idle' | 'absolute', most: number): number => {
    const value = given[name]
    if (value === undefined) return most
    const ms = toMs(value, `remember({ ${name} })`)
    if (ms > most)
      throw new ConfigError(
        `remember({ ${name}: ${JSON.stringify(value)} }) is longer than the option remember.${name} allows (${most} ms).`,
      )
    return ms
  }
  return { idleMs: pick('idle', longest.idleMs), absoluteMs: pick('absolute', longest.absoluteMs) }
}
