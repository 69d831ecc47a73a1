import { ConfigError } from '@holdfast/core'
import { parseQuery, type UrlOptions } from './url-options.js'

export interface Address {
  readonly host: string
  readonly port: number
}

/** What a URL of this package says. */
export interface RedisTarget {
  readonly kind: 'single' | 'sentinel' | 'cluster'
  readonly isTls: boolean
  readonly addresses: readonly Address[]
  readonly username: string | undefined
  readonly password: string | undefined
  readonly db: number
  /** What Sentinel calls the master. */
  readonly masterName: string | undefined
  readonly options: UrlOptions
}

const KINDS: Readonly<Record<string, RedisTarget['kind']>> = {
  redis: 'single',
  rediss: 'single',
  'redis+sentinel': 'sentinel',
  'redis+cluster': 'cluster',
}

const EXAMPLES: Readonly<Record<RedisTarget['kind'], string>> = {
  single: 'redis://user:password@host:6379/0',
  sentinel: 'redis+sentinel://user:password@host1:26379,host2,host3/mymaster/0',
  cluster: 'redis+cluster://user:password@host1:6379,host2,host3',
}

const PARTS = /^([a-z+]+):\/\/(?:([^/?#]*)@)?([^/?#@]*)(?:\/([^?#@]*))?(?:\?([^#@]*))?$/i

/** Reads a URL; throws `ConfigError` that names what is wrong, and never prints a user or a password. */
export function parseRedisUrl(url: string): RedisTarget {
  const [, scheme = '', credentials, hosts = '', path = '', query = ''] = PARTS.exec(url) ?? []
  const kind = KINDS[scheme.toLowerCase()]
  if (!kind) throw notUnderstood(url)
  const options = parseQuery(query, scheme.toLowerCase())
  const isTls = scheme.toLowerCase() === 'rediss' || options.tls
  const addresses = hosts.split(',').map((host) => parseAddress(host, kind))
  if (kind === 'single' && addresses.length > 1) {
    throw new ConfigError(
      `store: '${scheme}:' takes one host, this URL has ${addresses.length}. Write 'redis+sentinel:' or 'redis+cluster:' where there are several.`,
    )
  }
  return { kind, isTls, addresses, ...parseCredentials(credentials), ...parsePath(path, kind), options }
}

function notUnderstood(url: string): ConfigError {
  const [scheme = ''] = url.split(':', 1)
  const kind = KINDS[scheme.toLowerCase()] ?? 'single'
  return new ConfigError(
    `store: the '${scheme}:' URL is not understood. Write it as ${EXAMPLES[kind]}, with '@ / ? # : %' in a user or password percent-encoded (encodeURIComponent).`,
  )
}

function parseAddress(text: string, kind: RedisTarget['kind']): Address {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::(.*))?$/i.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined) {
    const what = text === '' ? 'is missing' : `${JSON.stringify(text)} is not understood`
    throw new ConfigError(`store: a host ${what}. Write the URL as ${EXAMPLES[kind]}; an IPv6 address as [::1]:6379.`)
  }
  if (port === undefined) return { host, port: kind === 'sentinel' ? 26_379 : 6_379 }
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    throw new ConfigError(`store: the port of ${host} is ${JSON.stringify(port)}. Give a number from 1 to 65535.`)
  }
  return { host, port: Number(port) }
}

function parseCredentials(text: string | undefined): Pick<RedisTarget, 'username' | 'password'> {
  if (text === undefined || text === '') return { username: undefined, password: undefined }
  const colon = text.indexOf(':')
  if (colon < 0) {
    throw new ConfigError('store: the URL has a user without a password. Write user:password@host, or :password@host.')
  }
  const username = decoded('user', text.slice(0, colon))
  const password = decoded('password', text.slice(colon + 1))
  if (password === '')
    throw new ConfigError('store: the password in the URL is empty. Write :password@host, or no user.')
  return { username: username === '' ? undefined : username, password }
}

function decoded(what: string, text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new ConfigError(
      `store: the ${what} in the URL is not percent-encoded: a '%' in it is written '%25' (encodeURIComponent).`,
    )
  }
}

function parsePath(path: string, kind: RedisTarget['kind']): Pick<RedisTarget, 'db' | 'masterName'> {
  if (kind === 'single') return { db: parseDb(path), masterName: undefined }
  if (kind === 'cluster') {
    if (path === '') return { db: 0, masterName: undefined }
    throw new ConfigError(`store: the URL names the database ${JSON.stringify(path)}, but a Cluster has no databases.`)
  }
  const [name = '', db = '', ...more] = path.split('/')
  if (name === '' || more.length > 0) {
    throw new ConfigError(`store: the URL does not say what Sentinel calls the master. Write ${EXAMPLES.sentinel}.`)
  }
  return { db: parseDb(db), masterName: decoded('name of the master', name) }
}

function parseDb(text: string): number {
  if (text === '') return 0
  if (/^\d{1,5}$/.test(text)) return Number(text)
  throw new ConfigError(`store: the database in the URL is ${JSON.stringify(text)}. Give its number, 0 in most cases.`)
}
