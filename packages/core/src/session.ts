import { SessionNotJsonError } from './errors.js'
import { warnOnce } from './events.js'
import type { NodeCallback, RememberedLifetime } from './types.js'

/** What the members of a session object do; one request's view of one session (see `LiveSession`). */
export interface SessionActions {
  readonly sessionId: string
  readonly isNew: boolean
  readonly expiresAt: number
  readonly absoluteExpiresAt: number
  readonly production: boolean
  save(): Promise<void>
  reload(): Promise<void>
  rotate(): void
  regenerate(): Promise<void>
  destroy(): Promise<void>
  bindUser(userId: string): Promise<void>
  remember(lifetime?: RememberedLifetime): void
}

const done = (promise: Promise<void>, callback: NodeCallback | undefined): Promise<void> | void => {
  if (typeof callback !== 'function') return promise
  promise.then(
    () => process.nextTick(callback),
    (error: unknown) => process.nextTick(callback, error),
  )
}

const NO_COOKIE = 'There is no session.cookie or session.maxAge; use remember(), or the options idle and absolute.'

/**
 * The object behind `ctx.session` and `req.session`. Its own properties are the data; every member is an accessor or a
 * method of this prototype, so `JSON.stringify`, spread, `for…in` and `console.log` see data only.
 */
class SessionObject {
  readonly #actions: SessionActions

  constructor(actions: SessionActions, data: Readonly<Record<string, unknown>>) {
    this.#actions = actions
    fill(this, data)
  }

  get id(): string {
    return this.#actions.sessionId
  }
  get isNew(): boolean {
    return this.#actions.isNew
  }
  get expiresAt(): number {
    return this.#actions.expiresAt
  }
  get absoluteExpiresAt(): number {
    return this.#actions.absoluteExpiresAt
  }
  save(callback?: NodeCallback): Promise<void> | void {
    return done(this.#actions.save(), callback)
  }
  reload(callback?: NodeCallback): Promise<void> | void {
    return done(this.#actions.reload(), callback)
  }
  rotate(): void {
    this.#actions.rotate()
  }
  regenerate(callback?: NodeCallback): Promise<void> | void {
    return done(this.#actions.regenerate(), callback)
  }
  destroy(callback?: NodeCallback): Promise<void> | void {
    return done(this.#actions.destroy(), callback)
  }
  bindUser(userId: string, callback?: NodeCallback): Promise<void> | void {
    return done(this.#actions.bindUser(userId), callback)
  }
  remember(lifetime?: RememberedLifetime): void {
    this.#actions.remember(lifetime)
  }
  touch(): void {
    this.#doesNothing('touch')
  }
  resetMaxAge(): void {
    this.#doesNothing('resetMaxAge')
  }
  get cookie(): never {
    throw new TypeError(NO_COOKIE)
  }
  get maxAge(): never {
    throw new TypeError(NO_COOKIE)
  }

  #doesNothing(name: string): void {
    if (this.#actions.production) return
    warnOnce('HOLDFAST_TOUCH', `session.${name}() does nothing: every request moves the idle deadline by itself.`)
  }
}

/** The names that data cannot have. */
const RESERVED: ReadonlySet<string> = new Set(
  Object.getOwnPropertyNames(SessionObject.prototype).filter((name) => name !== 'constructor'),
)

// Assigning to a member must throw, in sloppy mode too: only a setter does that.
for (const name of RESERVED) {
  const { value, get } = Object.getOwnPropertyDescriptor(
    SessionObject.prototype,
    name,
  ) as TypedPropertyDescriptor<unknown>
  Object.defineProperty(SessionObject.prototype, name, {
    configurable: true,
    enumerable: false,
    get: get ?? (() => value),
    set() {
      const what =
        name === 'cookie' || name === 'maxAge'
          ? NO_COOKIE
          : `session.${name} is a member of the session; give your data another name.`
      throw new TypeError(what)
    },
  })
}
Object.defineProperty(SessionObject, 'name', { value: 'Session' })

/** Puts data on a session; a stored field of a reserved name is skipped. */
function fill(session: object, data: Readonly<Record<string, unknown>>): void {
  const target = session as Record<string, unknown>
  for (const field in data) if (!RESERVED.has(field)) target[field] = data[field]
}

export const makeSession = (actions: SessionActions, data: Readonly<Record<string, unknown>>): object =>
  new SessionObject(actions, data)

/** Replaces the data in place; the object stays the same. */
export function refill(session: object, data: Readonly<Record<string, unknown>>): void {
  for (const field of Object.keys(session)) Reflect.deleteProperty(session, field)
  fill(session, data)
}

/** Freezes data at every depth, so that a change that nobody will store throws at its line. */
export function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  Object.freeze(value)
  for (const inner of Object.values(value)) deepFreeze(inner)
}

/** The JSON of the data. Throws `SessionNotJsonError` with the name of the field that JSON cannot encode. */
export function encodeData(session: object): string {
  try {
    const text = JSON.stringify(session)
    if (text.startsWith('{')) return text
    throw new TypeError('it has a toJSON that makes no object')
  } catch (cause) {
    throw new SessionNotJsonError(culprit(session), cause)
  }
}

function culprit(session: object): string {
  for (const [field, value] of Object.entries(session)) {
    try {
      JSON.stringify(value)
    } catch {
      return field
    }
  }
  return 'toJSON'
}
