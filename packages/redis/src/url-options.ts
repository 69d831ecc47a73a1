import { ConfigError } from '@holdfast/core'
import { readFileSync } from 'node:fs'
import { assertDeadline, assertDurability, assertPrefix, type Durability } from './store-options.js'

/** The options in the query of a URL. */
export interface UrlOptions {
  readonly prefix: string | undefined
  readonly deadlineMs: number | undefined
  readonly durability: Durability | undefined
  readonly tls: boolean
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly servername: string | undefined
  readonly sentinelUsername: string | undefined
  readonly sentinelPassword: string | undefined
}

const COMMON = ['prefix', 'deadline', 'durability'] as const
const TLS_FILES = ['ca', 'cert', 'key', 'servername'] as const

const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  redis: COMMON,
  rediss: [...COMMON, ...TLS_FILES],
  'redis+sentinel': [...COMMON, 'sentinelUsername', 'sentinelPassword', 'tls', ...TLS_FILES],
  'redis+cluster': [...COMMON, 'tls', ...TLS_FILES],
}

/** Throws `ConfigError` for an option that the scheme does not have, and for a value that cannot be; reads the files. */
export function parseQuery(query: string, scheme: string): UrlOptions {
  const given = namesAndValues(query, scheme)
  const tls = booleanOf(given.get('tls'))
  const file = (option: string): string | undefined => contentOf(option, given.get(option))
  if (scheme.startsWith('redis+') && !tls) refuseWithoutTls(given)
  const { deadlineMs, durability } = {
    deadlineMs: deadlineOf(given.get('deadline')),
    durability: given.get('durability'),
  }
  assertPrefix(given.get('prefix'))
  assertDurability(durability)
  return {
    prefix: given.get('prefix'),
    deadlineMs,
    durability,
    tls,
    ca: file('ca'),
    cert: file('cert'),
    key: file('key'),
    servername: given.get('servername'),
    sentinelUsername: given.get('sentinelUsername'),
    sentinelPassword: given.get('sentinelPassword'),
  }
}

/** Not URLSearchParams: it turns a `+` in a password into a space. */
function namesAndValues(query: string, scheme: string): ReadonlyMap<string, string> {
  const given = new Map<string, string>()
  const known = OPTIONS[scheme] ?? []
  for (const pair of query.split('&').filter(Boolean)) {
    const [name = '', ...rest] = pair.split('=')
    if (!known.includes(name)) {
      throw new ConfigError(`store: '${scheme}:' has no option ${JSON.stringify(name)}. It has ${known.join(', ')}.`)
    }
    if (given.has(name)) throw new ConfigError(`store: the option ${name} is in the URL twice.`)
    try {
      given.set(name, decodeURIComponent(rest.join('=')))
    } catch {
      throw new ConfigError(`store: the option ${name} in the URL is not percent-encoded (encodeURIComponent).`)
    }
  }
  return given
}

function booleanOf(value: string | undefined): boolean {
  if (value === undefined || value === 'false') return false
  if (value === 'true') return true
  throw new ConfigError(`store: tls is ${JSON.stringify(value)}. Write tls=true, or leave it out.`)
}

function refuseWithoutTls(given: ReadonlyMap<string, string>): void {
  const option = TLS_FILES.find((name) => given.has(name))
  if (option !== undefined) throw new ConfigError(`store: the option ${option} means nothing without tls=true.`)
}

function deadlineOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const deadlineMs = /^\d+$/.test(value) ? Number(value) : NaN
  assertDeadline('deadline', deadlineMs, value)
  return deadlineMs
}

function contentOf(option: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ConfigError(`store: the file of ${option}, ${JSON.stringify(path)}, cannot be read: ${String(cause)}.`, {
      cause,
    })
  }
}
