import { keyOf, newSessionId } from './cookies.js'
import type { Budget } from './budget.js'
import { type Change, deadline, type Draft, isTouchDue, type Snapshot } from './changes.js'
import { parseData } from './codec.js'
import {
  ConfigError,
  isSessionGone,
  SessionGoneError,
  SessionLateWriteError,
  type StoreUnavailableError,
} from './errors.js'
import { publishSession, warnOnce } from './events.js'
import { chosenLifetime } from './lifetimes.js'
import { deepFreeze, encodeData, makeSession, refill, type SessionActions } from './session.js'
import type { RememberedLifetime } from './types.js'
import type { Pending, SessionCookie, SessionHost, SessionParts, SessionStart } from './session-host.js'

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
  #lifetime: Pending['lifetime']
  #indexed: string | undefined
  #ended = false
  #frozen = false
  #marked: Pick<Pending, 'text' | 'values'> | undefined
  #sealed = false

  constructor(parts: SessionParts, host: SessionHost, { origin, wanted = false, outage }: SessionStart = {}) {
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
  /** The cookie of the session as it is stored. */
  get storedCookie(): SessionCookie | undefined {
    return this.#base && !this.#ended && this.#rotatedFrom === undefined
      ? { ...this.#base.envelope, secret: this.secret }
      : undefined
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
    this.#dirtyText = this.#object && encodeData(this.#object)
    if (this.#dirtyText === this.#cleanText) this.#dirtyText = undefined
    if (this.#dirtyText !== undefined || this.#user !== undefined) return true
    if (!this.#base) return this.#wanted
    return this.#lifetime !== undefined || this.#rotatedFrom !== undefined || isTouchDue(this.#base, this.#now)
  }

  /** Writes what `needsCommit` found. Rejects with `SessionGoneError` when the session ended meanwhile. */
  async commit(budget = this.#parts.budget()): Promise<void> {
    try {
      await (this.#base ? this.#commitStored(this.#base, budget) : this.#commitNew(budget))
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
      const snapshot = this.#base && !this.#ended ? await this.#parts.loadFresh(this.storedKey as string) : undefined
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
      await this.#index(userId, this.#parts.budget())
      this.#user = userId
    })
  }

  remember(lifetime: RememberedLifetime = {}): void {
    this.#assertCookies('remember()')
    const { idleMs, absoluteMs } = chosenLifetime(lifetime, this.#parts.config.remember)
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
    this.#freeze()
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
    if (!this.production) this.#freeze()
    else this.#cleanText = JSON.stringify(this.#object)
  }

  /** What the commit of the response takes along; later changes are lost unless somebody saves them. */
  mark(): void {
    this.#marked = { text: this.#dirtyText ?? this.#cleanText, values: this.#values() }
  }

  /** The handler has said all. Outside production a change throws from here on. */
  finish(): void {
    if (!this.production) this.#freeze()
  }

  /** The data becomes a frozen copy: what the app shares with it stays its own. */
  #freeze(): void {
    if (this.#frozen || !this.#object) return
    try {
      refill(this.#object, parseData(encodeData(this.#object)) ?? {})
      deepFreeze(this.#object)
      this.#frozen = true
    } catch {
      // What JSON cannot encode came after the commit: it is a late change, and reported as one.
    }
  }

  /** Whether the data was changed since the last commit, or since the end of the session. */
  isChanged(): boolean {
    if (this.#frozen || !this.#object) return false
    try {
      return encodeData(this.#object) !== (this.#marked?.text ?? this.#cleanText)
    } catch {
      return true
    }
  }

  /** The same of the fields themselves only: one more JSON of the data would cost more than all else in a request. */
  hasOtherFields(): boolean {
    if (this.#frozen) return false
    if (!this.#marked) return this.isChanged()
    const { values } = this.#marked
    const now = this.#values()
    return now.length !== values.length || now.some((value, i) => !Object.is(value, values[i]))
  }

  get hasEnded(): boolean {
    return this.#ended
  }

  async #commitNew(budget: Budget): Promise<void> {
    const pending = this.#pending()
    const draft: Draft = { ...this.#draftHeader(), text: pending.text }
    if (draft.user !== undefined) await this.#index(draft.user, budget)
    this.#acknowledged(await this.#parts.commits.create(pending.key, draft, budget), pending)
    this.#host.sendCookie({ ...pending, ...draft })
    publishSession({ type: 'created' })
  }

  async #commitStored(base: Snapshot, budget: Budget): Promise<void> {
    const pending = this.#pending()
    const { key, text, user, lifetime, rotatedFrom } = pending
    const movesDeadline = lifetime !== undefined || rotatedFrom !== undefined
    if (text === this.#cleanText && user === undefined && !movesDeadline) return this.#touch(base, budget)
    const header = this.#draftHeader()
    if (header.user !== undefined && movesDeadline) await this.#index(header.user, budget)
    const change: Change = { base, baseText: this.#cleanText, text, header: this.#changedHeader(header) }
    const { commits } = this.#parts
    const snapshot =
      rotatedFrom === undefined
        ? await commits.update(key, change, budget)
        : await commits.rotate({ oldKey: rotatedFrom, newKey: key, change, bound: user !== undefined }, budget)
    this.#acknowledged(snapshot, pending)
    const before = base.envelope.user
    if (before !== undefined && before !== header.user)
      await this.#parts.users.forget(before, [rotatedFrom ?? key], budget)
    if (movesDeadline) this.#host.sendCookie({ ...pending, ...snapshot.envelope })
    if (rotatedFrom !== undefined) publishSession({ type: 'rotated' })
  }

  async #touch(base: Snapshot, budget: Budget): Promise<void> {
    const { commits, users } = this.#parts
    const moved = await commits.touch(this.sessionId, base, budget)
    if (moved?.envelope.user === undefined) return
    await users.ensure(moved.envelope.user, this.sessionId, moved.envelope.absoluteAt, budget)
  }

  #values(): readonly unknown[] {
    return this.#object ? Object.values(this.#object) : []
  }

  #pending(): Pending {
    const [user, lifetime, rotatedFrom] = [this.#user, this.#lifetime, this.#rotatedFrom]
    return {
      secret: this.secret,
      key: this.sessionId,
      text: this.#dirtyText ?? this.#cleanText,
      values: this.#values(),
      user,
      lifetime,
      rotatedFrom,
    }
  }

  /** The record may hold others' changes too; against it, this request has changed nothing but what it holds itself. */
  #acknowledged(snapshot: Snapshot, { key, text, values, user, lifetime }: Pending): void {
    this.#base = snapshot
    if (this.#marked) this.#marked = { text, values }
    this.#cleanText = text
    this.#wanted = false
    this.#rotatedFrom = this.sessionId === key ? undefined : key
    if (this.#user === user) this.#user = undefined
    if (this.#lifetime === lifetime) this.#lifetime = undefined
  }

  /** The index first, the session second. */
  async #index(user: string, budget: Budget): Promise<void> {
    const { absoluteAt } = this.#draftHeader(user)
    const entry = `${user}\n${this.sessionId}\n${absoluteAt}`
    if (this.#indexed === entry) return
    await this.#parts.users.add(user, { key: this.sessionId, absoluteAt, replaces: this.#rotatedFrom }, budget)
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
}
