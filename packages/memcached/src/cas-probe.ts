import { randomBytes } from 'node:crypto'
import { ConfigError } from '@holdfast/core'
import type { MemcachedPort } from './memcached-port.js'

const TTL_SECONDS = 5

/**
 * Rejects with a sentence where writes would not be compare-and-set: some proxies answer `cas` and do not compare. Writes
 * a key of its own, which is gone after seconds.
 */
export async function assertCasWorks(port: MemcachedPort, prefix: string): Promise<void> {
  const key = `${prefix}probe-${randomBytes(12).toString('base64url')}`
  await port.add(key, 'first', TTL_SECONDS)
  const item = await port.gets(key)
  if (item?.text !== 'first') throw unfit('what was just added cannot be read')
  if (!(await port.cas(key, 'second', item.version, TTL_SECONDS))) throw unfit('cas with the id that gets gave fails')
  if (await port.cas(key, 'third', item.version, TTL_SECONDS))
    throw unfit('cas with an id that is out of date succeeds')
}

const unfit = (what: string): ConfigError =>
  new ConfigError(
    `memcached: the server cannot keep sessions: ${what}. Connect to Memcached itself, not to a proxy in front of several.`,
  )
