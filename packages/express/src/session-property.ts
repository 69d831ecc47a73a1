import { ConfigError, firstMounted, type RequestSession, type Session, warnOnce } from '@holdfast/core'

export interface SessionProperty<Data extends object> {
  /** Never null: after `destroy()` and `= null` it is a new, empty session. */
  get session(): Session<Data>
  /** `null` destroys the session with the commit, an object replaces its data; anything else throws `TypeError`. */
  set session(data: Partial<Data> | null)
}

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
  const session: PropertyDescriptor & ThisType<object> = {
    configurable: true,
    enumerable: true,
    get() {
      return firstMounted(this)?.session
    },
    set(data: object | null | undefined) {
      if (data === undefined) warnIgnored('req.session = undefined')
      else firstMounted(this)?.replace(data)
    },
  }
  /** On the requests' prototype: all there is in production; elsewhere it is met where the own property was deleted. */
  const below: PropertyDescriptor & ThisType<object> = {
    configurable: true,
    get() {
      const request = firstMounted(this)
      if (request && !production) {
        warnIgnored('delete req.session')
        Object.defineProperty(this, 'session', session)
      }
      return request?.session
    },
    set(value: object | null | undefined) {
      if (firstMounted(this)) session.set?.call(this, value)
      else Object.defineProperty(this, 'session', { value, writable: true, configurable: true, enumerable: true })
    },
  }
  const prepared = new WeakSet<object>()

  return (req, request) => {
    if (request !== firstMounted(req)) return
    const prototype = Object.getPrototypeOf(req) as object
    const isPrepared = prepared.has(prototype)
    if (isPrepared ? Object.hasOwn(req, 'session') : (req as { session?: unknown }).session !== undefined)
      throw foreignSession()
    // Express gives the requests of an app a prototype of their own; the one of node:http is everybody's.
    const isShared = Object.hasOwn(prototype, 'constructor')
    if (!isShared && !isPrepared) {
      prepared.add(prototype)
      Object.defineProperty(prototype, 'session', below)
    }
    // In production the one below is enough, and much cheaper than one for each request.
    if (isShared || !production) Object.defineProperty(req, 'session', session)
  }
}

const foreignSession = () =>
  new ConfigError(
    'req.session is there already: another session middleware is mounted above this one. Remove one of the two.',
  )
