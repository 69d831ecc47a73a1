import { ConfigError, type RequestSession, type Session, warnOnce } from '@holdfast/core'

export interface SessionProperty<Data extends object> {
  /** Never null: after `destroy()` and `= null` it is a new, empty session. */
  get session(): Session<Data>
  /** `null` destroys the session with the commit, an object replaces its data; anything else throws `TypeError`. */
  set session(data: Partial<Data> | null)
}

interface Mounted {
  readonly [REQUEST]: RequestSession<object>
  session?: unknown
}
const REQUEST = Symbol('holdfast.request')

/**
 * Makes the function that puts `req.session` on a request. The first engine has it; a second one on the same app is
 * reached by `sessions.of(req)`. `delete req.session` and `= undefined` are no logout here: they do nothing and say so.
 */
export function sessionDefiner(production: boolean): (req: object, request: RequestSession<object>) => void {
  const warnIgnored = (what: string): void => {
    if (production) return
    warnOnce(
      'HOLDFAST_SESSION_IGNORED',
      `${what} does nothing. To log out: await req.session.destroy(), or req.session = null.`,
    )
  }
  const session: PropertyDescriptor & ThisType<Mounted> = {
    configurable: true,
    enumerable: true,
    get() {
      return this[REQUEST].session
    },
    set(data: object | null | undefined) {
      if (data === undefined) warnIgnored('req.session = undefined')
      else this[REQUEST].replace(data)
    },
  }
  const restore = (req: Mounted): Mounted => {
    warnIgnored('delete req.session')
    return Object.defineProperty(req, 'session', session)
  }
  /** On the requests' prototype: it is met where the own property was deleted, or never was. */
  const below: PropertyDescriptor & ThisType<Mounted> = {
    configurable: true,
    get() {
      return REQUEST in this ? restore(this).session : undefined
    },
    set(value: unknown) {
      if (REQUEST in this) restore(this).session = value
      else Object.defineProperty(this, 'session', { value, writable: true, configurable: true, enumerable: true })
    },
  }
  const prepared = new WeakSet<object>()

  return (req, request) => {
    if (REQUEST in req) return
    const prototype = Object.getPrototypeOf(req) as object
    if ((req as Mounted).session !== undefined) throw foreignSession()
    if (!prepared.has(prototype)) {
      prepared.add(prototype)
      // Express gives the requests of an app a prototype of their own; the one of node:http is everybody's.
      if (!Object.hasOwn(prototype, 'constructor')) Object.defineProperty(prototype, 'session', below)
    }
    Object.defineProperties(req, { [REQUEST]: { value: request }, session })
  }
}

const foreignSession = () =>
  new ConfigError(
    'req.session is there already: another session middleware is mounted above this one. Remove one of the two.',
  )
