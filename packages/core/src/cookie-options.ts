import { VALUE_LENGTH } from './cookies.js'
import { ConfigError } from './errors.js'
import { matching, oneOf, refuseUnknown, wrong } from './option-checks.js'
import { show } from './show.js'
import type { CookieOptions } from './types.js'

/** A cookie's name and attributes, complete and free of contradictions. */
export interface CookieConfig {
  readonly name: string
  readonly domain: string | undefined
  readonly path: string
  readonly sameSite: 'lax' | 'strict' | 'none'
  readonly secure: boolean
  readonly partitioned: boolean
  readonly priority: 'low' | 'medium' | 'high' | undefined
}

/** RFC 6265, 4.1.1: a cookie's name is a token of RFC 2616. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Visible ASCII and blanks without `;` and `,`: what cannot end the attribute or the header. */
const PATH = /^\/[\x20-\x2b\x2d-\x3a\x3c-\x7e]*$/
const DOMAIN = /^\.?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i

/** RFC 6265bis, 5.7: browsers drop a cookie whose name and value take more, and attributes that take more. */
const COOKIE_BYTES = 4096
const ATTRIBUTE_BYTES = 1024

/** Fills in the defaults; `environment` is `NODE_ENV`. Throws `ConfigError` for what a browser would drop in silence. */
export function resolveCookie(options: CookieOptions, environment: string | undefined): CookieConfig {
  const { name, domain, path = '/', sameSite, secure, partitioned, priority, ...unknown } = options
  refuseUnknown('cookie.', unknown)
  const overTls = flag('cookie.secure', secure, environment !== 'development' && environment !== 'test')
  const config: CookieConfig = {
    name: matching('cookie.name', name ?? defaultName(overTls, domain, path), NAME, "a name like 'sid'"),
    domain: domain === undefined ? undefined : matching('cookie.domain', domain, DOMAIN, "a host like 'example.com'"),
    path: matching('cookie.path', path, PATH, "a path from the root like '/app', without ; and ,"),
    sameSite: oneOf('cookie.sameSite', sameSite, ['lax', 'strict', 'none']) ?? 'lax',
    secure: overTls,
    partitioned: flag('cookie.partitioned', partitioned, false),
    priority: oneOf('cookie.priority', priority, ['low', 'medium', 'high']),
  }
  checkLengths(config)
  checkPrefix(config)
  checkSecure(config)
  return config
}

function defaultName(secure: boolean, domain: string | undefined, path: string): string {
  if (!secure) return 'sid'
  return domain === undefined && path === '/' ? '__Host-sid' : '__Secure-sid'
}

function checkLengths({ name, domain, path }: CookieConfig): void {
  const longest = COOKIE_BYTES - VALUE_LENGTH
  if (name.length > longest) throw new ConfigError(`cookie.name has ${name.length} characters, the most is ${longest}.`)
  for (const [option, value] of Object.entries({ domain, path })) {
    if (value === undefined || value.length <= ATTRIBUTE_BYTES) continue
    throw new ConfigError(`cookie.${option} has ${value.length} characters, the most is ${ATTRIBUTE_BYTES}.`)
  }
}

/** Browsers compare the prefixes without regard to case (RFC 6265bis, 5.7). */
function checkPrefix({ name, domain, path, secure }: CookieConfig): void {
  const [prefix] = /^__(?:host|secure|http)-/i.exec(name) ?? []
  if (prefix === undefined) return
  const host = prefix.toLowerCase() === '__host-'
  if (!secure) throw contradiction(name, `${prefix} demands cookie.secure: true`)
  if (host && domain !== undefined)
    throw contradiction(name, `${prefix} allows no cookie.domain, which is ${show(domain)}`)
  if (host && path !== '/') throw contradiction(name, `${prefix} demands cookie.path '/', which is ${show(path)}`)
}

const contradiction = (name: string, why: string): ConfigError =>
  new ConfigError(
    `cookie.name is ${show(name)}: ${why}. Leave cookie.name out, and the name follows the other options.`,
  )

function checkSecure({ sameSite, partitioned, secure }: CookieConfig): void {
  if (secure) return
  const demands =
    sameSite === 'none' ? "cookie.sameSite is 'none'" : partitioned ? 'cookie.partitioned is true' : undefined
  if (demands) {
    throw new ConfigError(
      `${demands}, and browsers drop such a cookie unless it is secure, but cookie.secure is false (the default in development and test). Set cookie.secure: true; browsers accept it from localhost too.`,
    )
  }
}

function flag(option: string, value: unknown, byDefault: boolean): boolean {
  if (value === undefined) return byDefault
  if (typeof value === 'boolean') return value
  throw wrong(option, value, 'true or false')
}
