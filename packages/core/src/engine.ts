import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { StoreAdapter } from './adapters.js'
import { Budget, Pace } from './budget.js'
import type { Snapshot } from './changes.js'
import { parseData } from './codec.js'
import { Commits } from './commits.js'
import { createCookies, type Cookies } from './cookies.js'
import { EXPIRED, withDeadline } from './deadline.js'
import { keepParts } from './engine-parts.js'
import {
  codeOf,
  isStoreUnavailable,
  SessionGoneError,
  SessionNotMountedError,
  StoreUnavailableError,
} from './errors.js'
import { publishSession, warnOnce } from './events.js'
import { findSession, type Found } from './find-session.js'
import { hold, isResponse } from './hold.js'
import { type OpenedStore, openStore } from './open-store.js'
import { resolveOptions, type Config } from './options.js'
import { askReady } from './ready.js'
import { type Opening, type RequestParts, RequestSession } from './request-session.js'
import { createRouteCookie } from './route-cookie.js'
import type { CallOptions, Health, SessionStore } from './store.js'
import type {
  CheckedData,
  CreatedSession,
  RequestSource,
  Session,
  SessionOptions,
  Sessions,
  StoredSession,
} from './types.js'
import { Users } from './users.js'

/** What a framework package adds to the options of its users. */
export interface EngineDefaults {
  /** Adapters that come with the framework package. */
  readonly adapters: readonly StoreAdapter[]
  readonly warnOnRegenerate?: boolean
}

type AnyRequest = IncomingMessage | Http2ServerRequest
type AnyResponse = ServerResponse | Http2ServerResponse

/** What `createSessions` of a framework package stands on. */
export interface Engine<Data extends object> extends Sessions<Data> {
  readonly production: boolean
  /**
   * Opens the session of a request and holds its response back until the commit. Without a valid cookie it answers at
   * once, else it reads the store. `undefined`: the request is skipped, or has its session from this engine already.
   * Rejects with `StoreUnavailableError` under `onUnavailable: 'reject'`.
   */
  attach(req: AnyRequest, res: AnyResponse): RequestSession<Data> | undefined | Promise<RequestSession<Data>>
}

const CLOSED = 'These sessions were closed.'
const READY_MS = 10_000
const CLOSE_MS = 5_000

/** Makes a session engine; it opens its store at once. Bad options throw `ConfigError` here. */
export function createEngine<Data extends object>(
  options: SessionOptions<Data> & CheckedData<Data>,
  defaults: EngineDefaults = { adapters: [] },
): Engine<Data> {
  return new SessionEngine<Data>(options, defaults)
}

/**
 * Where a request keeps the session of the engine that came first. A WeakMap here cost half of the engine's time, for it
 * kept young requests alive; and each more property of a request of Express costs 3 µs.
 */
const FIRST = Symbol('holdfast.first-session')

interface MountedRequest {
  [FIRST]?: RequestSession<object>
  [slot: symbol]: RequestSession<object> | undefined
}

/** The session of the first engine that was mounted on this request: the one that `ctx.session` or `req.session` is. */
export const firstMounted = (req: object): RequestSession<object> | undefined => (req as MountedRequest)[FIRST]

class SessionEngine<Data extends object> implements Engine<Data> {
  readonly #config: Config
  readonly #store: SessionStore
  readonly #opened: OpenedStore
  readonly #cookies: Cookies
  readonly #pace = new Pace()
  readonly #commits: Commits
  readonly #users: Users
  readonly #parts: RequestParts
  /** Where a request keeps the session of this engine when another one was there before. */
  readonly #slot = Symbol('holdfast.session')
  readonly #ready: Promise<void>
  #hasAnswered = false
  /** What the store said instead, or why it could not. */
  #refusal: unknown
  #draining: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(options: SessionOptions<Data>, { adapters, warnOnRegenerate = false }: EngineDefaults) {
    const config = resolveOptions(options)
    this.#config = config
    this.#opened = openStore(config, adapters)
    this.#store = this.#opened.store
    this.#cookies = createCookies(config.cookie, config.keys, config.clock)
    const shared = { store: this.#store, clock: config.clock, pace: this.#pace }
    this.#commits = new Commits({ ...shared, maxBytes: config.maxBytes, rejectFields: config.rejectFields })
    this.#users = new Users({ ...shared, commits: this.#commits, limit: config.userLimit })
    this.#parts = {
      config,
      commits: this.#commits,
      users: this.#users,
      cookies: this.#cookies,
      routes: config.affinity && createRouteCookie(config.affinity, config, this.#store),
      warnOnRegenerate,
      loadFresh: (key) => this.#load(key, { fresh: true }),
      budget: () => new Budget(this.#pace),
    }
    keepParts(this, {
      config,
      store: this.#store,
      commits: this.#commits,
      find: (key, options) => this.#find(key, options),
      budget: this.#parts.budget,
    })
    this.#ready = this.#readyInTime()
    this.#ready.catch((error: unknown) => {
      publishSession({ type: 'opening-failed', code: codeOf(error) })
      warnOnce('HOLDFAST_NOT_READY', (error as Error).message)
    })
  }

  get production(): boolean {
    return this.#config.production
  }

  attach(req: AnyRequest, res: AnyResponse): RequestSession<Data> | undefined | Promise<RequestSession<Data>> {
    const request = req as IncomingMessage
    if (this.#mounted(req) || !this.#isInside(request) || this.#config.skip?.(request)) return undefined
    const opening = this.#open(request)
    if (opening instanceof Promise) return opening.then((opened) => this.#mount(opened, request, res))
    return this.#mount(opening, request, res)
  }

  of(source: RequestSource): Session<Data> {
    const request = this.#mounted(source) ?? ('req' in source ? this.#mounted(source.req) : undefined)
    if (!request) throw new SessionNotMountedError()
    return request.session
  }

  async read(source: RequestSource): Promise<Readonly<Session<Data>> | undefined> {
    const request = await this.#detached(source)
    if (!request) return undefined
    const { session } = request
    request.seal()
    return session
  }

  async update<Result>(
    source: RequestSource,
    change: (session: Session<Data>) => Result | Promise<Result>,
  ): Promise<Result> {
    const request = await this.#detached(source)
    if (!request) throw new SessionGoneError('There is no live session for the cookie of this request.')
    const result = await change(request.session)
    await request.store()
    return result
  }

  async create(
    data: Partial<Data>,
    { userId }: { readonly userId?: string | undefined } = {},
  ): Promise<CreatedSession> {
    const request = new RequestSession<Data>(this.#parts, {})
    request.replace(data)
    if (userId !== undefined) await request.session.bindUser(userId)
    return request.create()
  }

  async listByUser(userId: string): Promise<StoredSession<Data>[]> {
    const snapshots = await this.#users.list(userId)
    return snapshots.map(({ key, record, envelope }) => ({
      id: key,
      createdAt: envelope.createdAt,
      expiresAt: record.expiresAt,
      absoluteExpiresAt: envelope.absoluteAt,
      data: (parseData(envelope.text) ?? {}) as Partial<Data>,
    }))
  }

  destroyByUser(userId: string, { except }: { readonly except?: string | undefined } = {}): Promise<number> {
    return this.#users.destroyAll(userId, except)
  }

  ready(): Promise<void> {
    return this.#ready
  }

  health(): Health {
    if (this.#closing) return { ok: false, reason: CLOSED }
    if (this.#draining) return { ok: false, reason: 'This process is leaving.' }
    if (!this.#hasAnswered) return { ok: false, reason: this.#refusalText('The session store has not answered yet') }
    return this.#store.health?.() ?? { ok: true }
  }

  async status(): Promise<unknown> {
    return this.#store.status?.()
  }

  drain(): Promise<void> {
    this.#draining ??= this.#drain()
    return this.#draining
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #drain(): Promise<void> {
    try {
      await this.#store.drain?.()
    } finally {
      await this.#commits.settled()
    }
  }

  async #close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS).unref()
    })
    await Promise.race([this.#commits.settled(), late])
    clearTimeout(timer)
    await this.#opened.release()
  }

  #mount(opening: Opening, req: IncomingMessage, res: AnyResponse): RequestSession<Data> {
    const request = new RequestSession<Data>(this.#parts, opening, req, isResponse(res) ? res : undefined)
    ;(req as unknown as MountedRequest)[firstMounted(req) ? this.#slot : FIRST] = request as RequestSession<object>
    hold(res, request)
    return request
  }

  #mounted(req: object): RequestSession<Data> | undefined {
    const first = firstMounted(req)
    const own = first?.isOf(this.#parts) ? first : first && (req as MountedRequest)[this.#slot]
    return own as RequestSession<Data> | undefined
  }

  /** Requests outside of `cookie.path` have no session. */
  #isInside(req: IncomingMessage): boolean {
    const { path } = this.#config.cookie
    if (path === '/') return true
    const url = (req as { originalUrl?: string }).originalUrl ?? req.url ?? '/'
    const asked = url.split('?', 1)[0] as string
    return asked === path || asked.startsWith(path.endsWith('/') ? path : `${path}/`)
  }

  #open(req: IncomingMessage): Opening | Promise<Opening> {
    const reading = this.#cookies.read(req.headers.cookie)
    if (reading.state === 'valid') return this.#openStored(reading.id, reading.key, reading.resign)
    if (reading.state === 'invalid' || reading.state === 'duplicate') {
      publishSession({ type: `${reading.state}-cookie` })
    }
    return {}
  }

  async #openStored(secret: string, key: string, resign: boolean): Promise<Opening> {
    try {
      const snapshot = await this.#load(key)
      return snapshot ? { origin: { secret, key, snapshot }, resign } : {}
    } catch (error) {
      if (isStoreUnavailable(error) && this.#config.onUnavailable === 'ephemeral') return { outage: error }
      throw error
    }
  }

  /** The live session of a key. Rejects with `StoreUnavailableError`, also for a record of a newer version. */
  async #load(key: string, options?: CallOptions): Promise<Snapshot | undefined> {
    const found = await this.#find(key, options)
    if (found.state === 'live') return found.snapshot
    if (found.state === 'absent') publishSession({ type: 'missing' })
    return undefined
  }

  async #find(key: string, options?: CallOptions): Promise<Found> {
    if (this.#closing) throw new StoreUnavailableError(CLOSED, { refused: true })
    return findSession(this.#store, key, this.#config.clock, options)
  }

  /** The live session of a request's cookie, without its response. */
  async #detached(source: RequestSource): Promise<RequestSession<Data> | undefined> {
    const { headers } = 'req' in source ? source.req : source
    const reading = this.#cookies.read(headers.cookie)
    if (reading.state !== 'valid') return undefined
    const snapshot = await this.#load(reading.key)
    return (
      snapshot && new RequestSession<Data>(this.#parts, { origin: { secret: reading.id, key: reading.key, snapshot } })
    )
  }

  async #readyInTime(): Promise<void> {
    if (
      (await withDeadline(
        () => this.#probe(),
        READY_MS,
        undefined,
        () => {},
      )) !== EXPIRED
    )
      return
    const message = this.#refusalText(`The session store is not ready after ${READY_MS / 1_000} s`)
    throw new StoreUnavailableError(message, { cause: this.#refusal })
  }

  /** Asks the store until it says that it is ready; `health()` goes by that for longer than `ready()` waits. */
  async #probe(): Promise<void> {
    for (let wait = 10; !this.#closing; wait = Math.min(wait * 2, 250)) {
      try {
        const asked = () => askReady(this.#store)
        if ((await withDeadline(asked, READY_MS, undefined, () => {})) !== EXPIRED) {
          this.#hasAnswered = true
          return
        }
      } catch (error) {
        this.#refusal = error
      }
      await new Promise((resolve) => setTimeout(resolve, wait).unref())
    }
  }

  #refusalText(what: string): string {
    return `${what}: ${(this.#refusal as Error | undefined)?.message ?? 'it did not answer.'}`
  }
}
