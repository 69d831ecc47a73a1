import { ConfigError, type RequestSession, type Session } from '@holdfast/core'

/** The context of an app or a router with sessions: `new Koa<Koa.DefaultState, SessionContext<MyData>>()`. */
export interface SessionContext<Data extends object> {
  /** Never null: after `destroy()` and `= null` it is a new, empty session. */
  get session(): Session<Data>
  /** `null` destroys the session with the commit, an object replaces its data; anything else throws `TypeError`. */
  set session(data: Partial<Data> | null)
}

interface Mounted {
  [REQUEST]?: RequestSession<object>
}
const REQUEST = Symbol('holdfast.request')

const session: PropertyDescriptor & ThisType<Mounted> = {
  configurable: true,
  get() {
    return this[REQUEST]?.session
  },
  set(data: object | null) {
    if (!this[REQUEST]) throw foreignSession()
    this[REQUEST].replace(data)
  },
}

/**
 * Puts `ctx.session` on a context: the accessor once on the prototype of all contexts of the app, which is much cheaper
 * than one for each. The first engine has it; a second one on the same app is reached by `sessions.of(ctx)`.
 */
export function defineSession(ctx: object, request: RequestSession<object>): void {
  if (REQUEST in ctx) return
  const prototype = Object.getPrototypeOf(ctx) as object
  const isOurs = Object.getOwnPropertyDescriptor(prototype, 'session')?.get === session.get
  if (isOurs ? Object.hasOwn(ctx, 'session') : 'session' in ctx) throw foreignSession()
  if (!isOurs) Object.defineProperty(prototype, 'session', session)
  ;(ctx as Mounted)[REQUEST] = request
}

const foreignSession = () =>
  new ConfigError(
    'ctx.session is there already: another session middleware is mounted above this one. Remove one of the two.',
  )
