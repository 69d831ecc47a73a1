const BRAND = Symbol.for('holdfast.error')

export type HoldfastErrorCode =
  | 'STORE_UNAVAILABLE'
  | 'SESSION_CONFLICT'
  | 'SESSION_GONE'
  | 'SESSION_TOO_LARGE'
  | 'SESSION_LATE_WRITE'
  | 'SESSION_NOT_JSON'
  | 'SESSION_NOT_MOUNTED'
  | 'USER_SESSION_LIMIT'
  | 'CONFIG'

interface ErrorDetails {
  readonly cause?: unknown
  /** The HTTP status that fits; Koa and Express read it. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Every error of Holdfast. Test for one by `code` or by its guard: two copies of core break `instanceof`.
 * `status`, `expose` and `headers` are what Koa's and Express' default error handlers read.
 */
export class HoldfastError extends Error {
  readonly code: HoldfastErrorCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly expose: boolean
  readonly [BRAND] = true

  constructor(code: HoldfastErrorCode, message: string, { cause, status = 500, headers = {} }: ErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.status = status
    this.headers = headers
    this.expose = status < 500
    this.name = new.target.name
  }
}

/** The store could not answer in time or at all. The outcome of a write is unknown, unless `refused`. Status 503. */
export class StoreUnavailableError extends HoldfastError {
  /** True when the call never left this process (open breaker, cap on calls in flight): it had no effect. */
  readonly refused: boolean
  /** True when a server among several answered that it has nothing, and may have lost it: writes are taken there. */
  readonly isMiss: boolean

  constructor(
    message: string,
    {
      cause,
      refused = false,
      isMiss = false,
    }: { readonly cause?: unknown; readonly refused?: boolean; readonly isMiss?: boolean } = {},
  ) {
    super('STORE_UNAVAILABLE', message, { cause, status: 503, headers: { 'Retry-After': '1' } })
    this.refused = refused
    this.isMiss = isMiss
  }
}

/** Another request changed a field whose merge policy is `'reject'`, or others kept winning until the budget ended. Status 409. */
export class SessionConflictError extends HoldfastError {
  constructor(message: string, details: { readonly cause?: unknown } = {}) {
    super('SESSION_CONFLICT', message, { ...details, status: 409 })
  }
}

/** The session ended (destroyed, rotated, expired) while this call wanted it. Status 409. */
export class SessionGoneError extends HoldfastError {
  constructor(message = 'The session has ended: it was destroyed, rotated or expired meanwhile.') {
    super('SESSION_GONE', message, { status: 409 })
  }
}

/** The session would take more than the limit; nothing was sent to the store and the stored session is as it was. Status 500. */
export class SessionTooLargeError extends HoldfastError {
  readonly bytes: number
  readonly limit: number

  constructor(bytes: number, limit: number) {
    super(
      'SESSION_TOO_LARGE',
      `The session takes ${bytes} bytes, the limit is ${limit}. Keep large data in a database and its key in the session.`,
    )
    this.bytes = bytes
    this.limit = limit
  }
}

/** A session was used in a way that needs a cookie, after the head of the response was sent. Status 500. */
export class SessionLateWriteError extends HoldfastError {
  constructor(what: string) {
    super(
      'SESSION_LATE_WRITE',
      `${what} needs a cookie, but the head of the response was sent already. Call it before the first byte.`,
    )
  }
}

/** The session holds what JSON cannot encode; the stored session is as it was. Status 500. */
export class SessionNotJsonError extends HoldfastError {
  constructor(field: string, cause: unknown) {
    super(
      'SESSION_NOT_JSON',
      `The session field ${JSON.stringify(field)} cannot be encoded as JSON: ${String((cause as Error)?.message ?? cause)}`,
      { cause },
    )
  }
}

/** The session of a request was asked for before the middleware ran. Status 500. */
export class SessionNotMountedError extends HoldfastError {
  constructor() {
    super(
      'SESSION_NOT_MOUNTED',
      'This request has no session: mount it first, app.use(sessions), above the routes that use it.',
    )
  }
}

/** The user has as many sessions as `maxPerUser` allows, under `'reject'`. Status 409. */
export class UserSessionLimitError extends HoldfastError {
  constructor(limit: number) {
    super('USER_SESSION_LIMIT', `This user has ${limit} sessions already, and maxPerUser allows no more.`, {
      status: 409,
    })
  }
}

/** An option is missing, wrong or contradicts another; thrown where the object is made. */
export class ConfigError extends HoldfastError {
  constructor(message: string, details: { readonly cause?: unknown } = {}) {
    super('CONFIG', message, details)
  }
}

export const isHoldfastError = (error: unknown): error is HoldfastError =>
  typeof error === 'object' && error !== null && BRAND in error

/** For events: the code of an error of Holdfast, `'UNKNOWN'` for any other. */
export const codeOf = (error: unknown): HoldfastErrorCode | 'UNKNOWN' =>
  isHoldfastError(error) ? error.code : 'UNKNOWN'

const has =
  <E extends HoldfastError>(code: HoldfastErrorCode) =>
  (error: unknown): error is E =>
    isHoldfastError(error) && error.code === code

export const isStoreUnavailable = has<StoreUnavailableError>('STORE_UNAVAILABLE')
export const isSessionConflict = has<SessionConflictError>('SESSION_CONFLICT')
export const isSessionGone = has<SessionGoneError>('SESSION_GONE')
export const isSessionTooLarge = has<SessionTooLargeError>('SESSION_TOO_LARGE')
export const isSessionLateWrite = has<SessionLateWriteError>('SESSION_LATE_WRITE')
export const isUserSessionLimit = has<UserSessionLimitError>('USER_SESSION_LIMIT')
export const isConfigError = has<ConfigError>('CONFIG')
