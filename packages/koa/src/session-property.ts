import { ConfigError, type RequestSession, type Session } from '@holdfast/core'

/** The context of an app or a router with sessions: `new Koa<Koa.DefaultState, SessionContext<MyData>>()`. */
export interface SessionContext<Data extends object> {
  /** Never null: after `destroy()` and `= null` it is a new, empty session. */
  get session(): Session<Data>
  /** `null` destroys the session with the commit, an object replaces its data; anything else throws `TypeError`. */
  set session(data: Partial<Data> | null)
}

interface Mounted {
  readonly [REQUEST]: RequestSession<object>
}
const REQUEST = Symbol('holdfast.request')

const session: PropertyDescriptor & ThisType<Mounted> = {
  enumerable: true,
  get() {
    return this[REQUEST].session
  },
  set(data: object | null) {
    this[REQUEST].replace(data)
  },
}

/** Puts `ctx.session` on a context. The first engine has it; a second one on the same app is reached by `sessions.of(ctx)`. */
export function defineSession(ctx: object, request: RequestSession<object>): void {
  if (REQUEST in ctx) return
  if ('session' in ctx) {
    throw new ConfigError(
      'ctx.session is there already: another session middleware is mounted above this one. Remove one of the two.',
    )
  }
  Object.defineProperties(ctx, { [REQUEST]: { value: request }, session })
}
