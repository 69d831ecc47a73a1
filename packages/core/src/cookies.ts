import { createHmac, hash, randomBytes, timingSafeEqual, type KeyObject } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { cookieValues } from './cookie-header.js'
import type { CookieConfig } from './cookie-options.js'

/** What a `Cookie` header says about the session. Only `valid` names one; each other state means a new session. */
export type CookieReading = ValidCookie | { readonly state: 'none' | 'invalid' | 'late' | 'duplicate' }

export interface ValidCookie {
  readonly state: 'valid'
  /** The secret: 43 characters. Never logged, never given to a store. */
  readonly id: string
  /** The store's key: the SHA-256 of the id in base64url, 43 characters. */
  readonly key: string
  /** The end of the session whatever comes, in ms since the epoch, as it was signed. */
  readonly absoluteAt: number
  /** Signed by an older key of the ring: send it again, signed by the newest. */
  readonly resign: boolean
}

export interface Cookies {
  /** Never throws. `late`: past its deadline. `duplicate`: several sessions, or more cookies of our name than are read. */
  read(header: string | undefined): CookieReading
  /** The `Set-Cookie` value. `persistent`: the browser keeps it up to `absoluteAt`, else until it closes. */
  set(id: string, absoluteAt: number, persistent: boolean): string
  /** The `Set-Cookie` value that removes the cookie. */
  clear(): string
  /** `name=value`, as it stands in a `Cookie` request header. */
  header(id: string, absoluteAt: number): string
}

/** `id.absoluteAt.signature`, the time in ms in base 36. */
const VALUE = /^([A-Za-z0-9_-]{43}\.([0-9a-z]{1,9}))\.([A-Za-z0-9_-]{43})$/
const ID_LENGTH = 43
/** Of the longest value, which leaves the rest of a cookie's 4,096 bytes to its name. */
export const VALUE_LENGTH = ID_LENGTH + 1 + 9 + 1 + 43

/** A header with more cookies of our name is refused whole: each would cost an HMAC per key. */
const MOST_COOKIES = 8
const CACHED_COOKIES = 10_000

/** RFC 6265bis, 5.5: browsers keep no cookie for longer. */
export const LONGEST_MAX_AGE_MS = 400 * 86_400_000

const NONE: CookieReading = { state: 'none' }
const INVALID: CookieReading = { state: 'invalid' }
const LATE: CookieReading = { state: 'late' }
const DUPLICATE: CookieReading = { state: 'duplicate' }

/** A new secret id: 256 random bits in base64url, 43 characters. */
export const newSessionId = (): string => randomBytes(32).toString('base64url')

/** The store's key of an id. One way: who can read the store cannot make a cookie from it. */
export const keyOf = (id: string): string => hash('sha256', id, 'base64url')

/**
 * Reads and writes the session cookie, signed by HMAC-SHA-256 over its name and value. `keys` is newest first: the first
 * signs, all are accepted. The last 10,000 cookies that passed are remembered, so a returning one costs no HMAC.
 */
export function createCookies(cookie: CookieConfig, keys: readonly KeyObject[], clock: () => number): Cookies {
  const prefix = `${cookie.name}=`
  const attributes = attributesOf(cookie)
  const verified = new LRUCache<string, ValidCookie>({ max: CACHED_COOKIES })

  function sign(id: string, absoluteAt: number): string {
    const content = `${prefix}${id}.${Math.ceil(absoluteAt).toString(36)}`
    return `${content}.${signature(keys[0]!, content)}`
  }

  function verify(value: string): ValidCookie | undefined {
    const known = verified.get(value)
    if (known) return known
    const [, content, deadline, given] = VALUE.exec(value) ?? []
    if (content === undefined || deadline === undefined || given === undefined) return undefined
    const index = keys.findIndex((key) => isSame(signature(key, prefix + content), given))
    if (index === -1) return undefined
    const own = copyOf(value)
    const id = own.slice(0, ID_LENGTH)
    const valid: ValidCookie = {
      state: 'valid',
      id,
      key: keyOf(id),
      absoluteAt: Number.parseInt(deadline, 36),
      resign: index > 0,
    }
    verified.set(own, valid)
    return valid
  }

  /** Two sessions in one header: one was planted from a neighbouring host or path, and nobody can say which. */
  function choose(values: readonly string[], now: number): CookieReading {
    let chosen: ValidCookie | undefined
    let other = INVALID
    for (const value of values) {
      const candidate = verify(value)
      if (!candidate) continue
      if (candidate.absoluteAt <= now) other = LATE
      else if (chosen && chosen.id !== candidate.id) return DUPLICATE
      else if (!chosen || chosen.absoluteAt < candidate.absoluteAt) chosen = candidate
    }
    return chosen ?? other
  }

  return {
    read(header) {
      if (header === undefined) return NONE
      const values = cookieValues(header, prefix, MOST_COOKIES)
      if (values.length === 0) return NONE
      return values.length > MOST_COOKIES ? DUPLICATE : choose(values, clock())
    },
    set: (id, absoluteAt, persistent) =>
      sign(id, absoluteAt) + lifetimeOf(absoluteAt - clock(), persistent) + attributes,
    clear: () => `${prefix}${CLEARED}${attributes}`,
    header: sign,
  }
}

export const signature = (key: KeyObject, content: string): string =>
  createHmac('sha256', key).update(content).digest('base64url')

/** Texts are compared, not decoded bytes: base64url has four spellings of the last of 43 characters. */
const isSame = (expected: string, given: string): boolean =>
  timingSafeEqual(Buffer.from(expected, 'latin1'), Buffer.from(given, 'latin1'))

/** A slice of a header keeps the whole header in memory; what is remembered must not. */
const copyOf = (slice: string): string => Buffer.from(slice, 'latin1').toString('latin1')

/** The attribute of a cookie that is over. */
export const CLEARED = '; Max-Age=0'

/** Rounded up: the deadline in the signature is exact, and the browser must not end the session before it. */
export const lifetimeOf = (ms: number, persistent: boolean): string =>
  persistent ? `; Max-Age=${Math.ceil(Math.min(Math.max(ms, 0), LONGEST_MAX_AGE_MS) / 1_000)}` : ''

const titled = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)

export function attributesOf({ path, domain, secure, sameSite, partitioned, priority }: CookieConfig): string {
  const attributes = [
    `Path=${path}`,
    domain !== undefined && `Domain=${domain}`,
    secure && 'Secure',
    'HttpOnly',
    `SameSite=${titled(sameSite)}`,
    partitioned && 'Partitioned',
    priority !== undefined && `Priority=${titled(priority)}`,
  ]
  return attributes
    .filter(Boolean)
    .map((attribute) => `; ${String(attribute)}`)
    .join('')
}
