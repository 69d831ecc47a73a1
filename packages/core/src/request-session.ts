import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { Budget } from './budget.js'
import type { Cookies } from './cookies.js'
import { codeOf, isSessionGone, SessionLateWriteError, type StoreUnavailableError } from './errors.js'
import { publishSession, warnOnce } from './events.js'
import type { HoldTarget } from './hold.js'
import { LiveSession } from './live-session.js'
import type { RouteCookie } from './route-cookie.js'
import type { Origin, SessionCookie, SessionHost, SessionParts } from './session-host.js'
import type { CreatedSession, Session } from './types.js'

export interface RequestParts extends SessionParts {
  readonly cookies: Cookies
  readonly routes: RouteCookie | undefined
  /** Koa's own `regenerate()` keeps the data: its users are told once that this one drops it. */
  readonly warnOnRegenerate: boolean
}

export interface Opening {
  readonly origin?: Origin | undefined
  /** The cookie was signed with an older key. */
  readonly resign?: boolean
  readonly outage?: StoreUnavailableError | undefined
}

type AnyResponse = ServerResponse | Http2ServerResponse

/**
 * The session side of one request: its session, what the response must wait for, and the cookie that goes with it.
 * Without a response (`sessions.update`) nothing that needs a cookie is possible.
 */
export class RequestSession<Data extends object> implements SessionHost, HoldTarget {
  readonly #parts: RequestParts
  readonly #req: IncomingMessage | undefined
  readonly #res: AnyResponse | undefined
  readonly #resign: boolean
  #live: LiveSession
  /** Sessions that are over for this request; `= null` ends them with the commit. */
  readonly #dead: LiveSession[] = []
  readonly #toDestroy: LiveSession[] = []
  #cookie: string | undefined
  #tail: Promise<unknown> | undefined
  #closed = false
  #dropped = false
  #watching = false
  #isLate = false
  #failure: { readonly error: unknown } | undefined

  constructor(parts: RequestParts, opening: Opening, req?: IncomingMessage, res?: AnyResponse) {
    this.#parts = parts
    this.#req = req
    this.#res = res
    this.#resign = opening.resign ?? false
    this.#live = new LiveSession(parts, this, { origin: opening.origin, outage: opening.outage })
  }

  /** Whether it is of the engine with these parts. */
  isOf(parts: RequestParts): boolean {
    return this.#parts === parts
  }

  /** The session now; another object after `destroy()`, `regenerate()` and `= null`. */
  get session(): Session<Data> {
    let object = this.#live.object()
    if (!object) {
      this.#live = new LiveSession(this.#parts, this)
      object = this.#live.object() as object
    }
    this.#watch()
    return object as Session<Data>
  }

  /** `ctx.session = data`: null destroys with the commit, an object replaces the data. Throws `TypeError` for anything else. */
  replace(data: Partial<Data> | null): void {
    if (data === null) {
      if (this.#live.storedKey !== undefined || this.#live.outage) this.#toDestroy.push(this.#live)
      this.#putNew()
    } else if (typeof data === 'object' && !Array.isArray(data)) {
      if (data !== this.#live.object()) this.#live.replace(data as Record<string, unknown>)
    } else {
      throw new TypeError(
        `The session can be set to an object or to null (which destroys it), not to ${Array.isArray(data) ? 'an array' : typeof data}.`,
      )
    }
  }

  get takesCookies(): boolean {
    return this.#res !== undefined && !this.#res.headersSent
  }
  get hasEnded(): boolean {
    return this.#res?.writableEnded ?? false
  }
  /** True when the head of the response was asked for. */
  get headStarted(): boolean {
    return this.#res?.headersSent ?? false
  }

  /** What Koa does after its handlers: the commit of a response with this status, if one is due. */
  async commit(status?: number): Promise<void> {
    if (status === undefined || this.#owes(status, false)) await this.#run()
  }

  needsCommit(ending = false): boolean {
    return this.#owes(this.#res?.statusCode ?? 200, ending)
  }

  applyHead(): void {
    const res = this.#res as AnyResponse
    const cookie = this.#cookie ?? this.#resigned()
    const route = this.#route()
    if (cookie === undefined && route === undefined) return
    // Http2ServerResponse has the same method; Node's types give it other overloads.
    if (cookie !== undefined) (res as ServerResponse).appendHeader('Set-Cookie', cookie)
    if (route !== undefined) (res as ServerResponse).appendHeader('Set-Cookie', route)
    if (!res.hasHeader('Cache-Control')) res.setHeader('Cache-Control', 'private')
    this.#warnOnPlainHttp()
  }

  get commitFailed(): ((error: unknown) => void) | undefined {
    const { onCommitError } = this.#parts.config
    return onCommitError && ((error) => onCommitError(error, this.#req as IncomingMessage, this.#res as ServerResponse))
  }

  late(error: unknown): void {
    failed(error)
  }

  /** Stores the current session of a call without a response; rejects with `SessionGoneError` when it ended meanwhile. */
  async store(): Promise<void> {
    const budget = this.#parts.budget()
    await this.#endAll(budget)
    if (this.#live.needsCommit()) {
      if (this.#live.isNew) throw new SessionLateWriteError('A new session')
      await this.#live.commit(budget)
    }
    this.#live.finish()
  }

  /** Stores a new session of a call without a response, and gives its cookie. */
  async create(): Promise<CreatedSession> {
    const live = this.#live
    live.want()
    live.needsCommit()
    await live.commit()
    const { cookies, routes } = this.#parts
    const cookie = cookies.header(live.secret, live.absoluteExpiresAt)
    return { id: live.sessionId, cookie: routes ? `${cookie}; ${routes.header(live.sessionId)}` : cookie }
  }

  /** The session can be read only. */
  seal(): void {
    this.#live.seal()
  }

  /** Runs `work` after what this request does already: `save()` beside a commit. */
  serial<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail ? this.#tail.then(work, work) : work()
    const tail: Promise<unknown> = result.then(
      () => this.#settle(tail),
      () => this.#settle(tail),
    )
    this.#tail = tail
    return result
  }

  sendCookie({ secret, absoluteAt, persistent }: SessionCookie): void {
    this.#cookie = this.#parts.cookies.set(secret, absoluteAt, persistent)
  }

  async regenerate(session: LiveSession): Promise<void> {
    const droppedData = !session.production && session.isFilled
    await this.#end(session)
    if (session === this.#live) this.#putNew(true)
    if (droppedData && this.#parts.warnOnRegenerate) {
      warnOnce(
        'HOLDFAST_REGENERATE',
        'session.regenerate() drops the data (koa-session’s keeps it). For a new id with the same data call session.rotate().',
      )
    }
  }

  async destroy(session: LiveSession): Promise<void> {
    await this.#end(session)
    if (session === this.#live) this.#putNew()
  }

  #settle(tail: Promise<unknown>): void {
    if (this.#tail === tail) this.#tail = undefined
  }

  /** A cookie that was signed with an older key goes out again under the newest. */
  #resigned(): string | undefined {
    const stored = this.#resign ? this.#live.storedCookie : undefined
    if (stored) this.sendCookie(stored)
    return this.#cookie
  }

  /** The route is set with the session's cookie, put right when it is not that of the session, and cleared with it. */
  #route(): string | undefined {
    const { routes } = this.#parts
    if (!routes) return undefined
    const { hasEnded, storedKey, storedUntil, persistent } = this.#live
    if (hasEnded || storedKey === undefined) return this.#cookie && routes.clear()
    if (this.#cookie === undefined && routes.isRight(this.#req?.headers.cookie, storedKey)) return undefined
    return routes.set(storedKey, storedUntil, persistent)
  }

  #putNew(wanted = false): void {
    const old = this.#live
    this.#live = new LiveSession(this.#parts, this, {
      wanted: wanted && old.storedKey !== undefined,
      outage: old.outage,
    })
    if (this.#toDestroy.includes(old)) this.#bury(old)
  }

  #bury(session: LiveSession): void {
    session.end()
    this.#dead.push(session)
  }

  #end(session: LiveSession): Promise<void> {
    return this.serial(() => this.#endNow(session, this.#parts.budget()))
  }

  async #endNow(session: LiveSession, budget: Budget): Promise<void> {
    if (session.outage) throw session.outage
    const key = session.storedKey
    if (key !== undefined) {
      await this.#parts.commits.destroy(key, session.storedUntil, budget)
      this.#cookie = this.#parts.cookies.clear()
    }
    if (!this.#dead.includes(session)) this.#bury(session)
  }

  async #endAll(budget: Budget): Promise<void> {
    for (let session = this.#toDestroy[0]; session; session = this.#toDestroy[0]) {
      await this.#endNow(session, budget)
      this.#toDestroy.shift()
    }
  }

  /** Decides, once, whether the response has to wait; the status says whether its changes count. */
  #owes(status: number, ending: boolean): boolean {
    if (this.#closed) {
      if (ending) this.#finish()
      return false
    }
    this.#closed = true
    try {
      this.#dropped = !this.#parts.config.commitOn(status)
      const owes = !this.#dropped && (this.#toDestroy.length > 0 || this.#live.needsCommit())
      this.#live.mark()
      if (ending) this.#finish()
      return owes || this.#tail !== undefined
    } catch (error) {
      this.#failure = { error }
      return true
    }
  }

  async #run(): Promise<void> {
    try {
      await this.serial(() => this.#commitAll())
    } catch (error) {
      if (isSessionGone(error)) return
      this.#dropped = true
      failed(error)
      throw error
    }
  }

  async #commitAll(): Promise<void> {
    if (this.#failure) throw this.#failure.error
    if (this.#dropped) return
    const budget = this.#parts.budget()
    await this.#endAll(budget)
    if (!this.#live.hasEnded && this.#live.needsCommit()) await this.#live.commit(budget)
  }

  /** The handler has said all: what it changes from now on is lost, and what it changed since the commit is too. */
  #finish(): void {
    if (this.#dropped) return
    this.#isLate ||= this.headStarted ? this.#live.isChanged() : this.#live.hasOtherFields()
    this.#live.finish()
  }

  /** At the end of the response: what was changed after the commit is lost, and somebody should know. */
  #watch(): void {
    if (this.#watching || !this.#res) return
    this.#watching = true
    this.#res.once('close', () => this.#report())
  }
  #report(): void {
    if (this.#tail) return void this.#tail.then(() => this.#report())
    if (this.#dead.some((session) => session.isChanged())) {
      publishSession({ type: 'dead-session-changed' })
      warnOnce(
        'HOLDFAST_DEAD_SESSION',
        'A session was changed after it had been destroyed; the change is lost. Use req.session or ctx.session again: it is a new one.',
      )
    }
    if (!this.#closed || this.#dropped || this.#live.hasEnded || this.#live.outage) return
    if (!this.#isLate && !this.#live.hasOtherFields()) return
    publishSession({ type: 'late-change' })
    warnOnce(
      'HOLDFAST_LATE_CHANGE',
      'A session was changed after its response had begun, and the change is lost. Change it before, call session.save(), or use sessions.update().',
    )
  }

  #warnOnPlainHttp(): void {
    const { secure, name } = this.#parts.config.cookie
    const req = this.#req
    if (
      !secure ||
      !req ||
      (req.socket as { encrypted?: boolean } | undefined)?.encrypted ||
      req.headers['x-forwarded-proto']
    )
      return
    warnOnce(
      'HOLDFAST_PLAIN_HTTP',
      `The cookie ${name} is Secure, and this response goes over plain http: a browser may refuse it. Behind a TLS proxy that is fine; for development set NODE_ENV=development or cookie.secure: false.`,
    )
  }
}

const failed = (error: unknown): void => {
  publishSession({ type: 'commit-failed', code: codeOf(error) })
}
