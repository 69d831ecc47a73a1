import { randomBytes } from 'node:crypto'
import { ConfigError } from '@holdfast/core'
import type { SessionMap } from './map-port.js'

const TTL_MS = 5_000

/**
 * Rejects with the line of configuration to add where the map would keep sessions for ever or not long enough. Asks with
 * an entry of its own: `replaceIfSame` gives it the lifetime of the map, which no call of the client tells.
 */
export async function assertLifetime(map: SessionMap, name: string, longestMs: number): Promise<void> {
  const key = `probe-${randomBytes(12).toString('base64url')}`
  try {
    await map.putIfAbsent(key, 'first', TTL_MS)
    if (!(await map.replaceIfSame(key, 'first', 'second')))
      throw unfit(name, longestMs, 'replaces nothing by compare-and-set')
    const ttl = Number((await map.getEntryView(key)).ttl)
    if (ttl >= FOREVER_MS) throw unfit(name, longestMs, 'keeps an entry for ever once it was changed')
    if (ttl < longestMs)
      throw unfit(name, longestMs, `forgets an entry ${ttl / 1_000} s after it was changed, before its session ends`)
  } finally {
    await map.delete(key).catch(() => {})
  }
}

/** What stands for no end is 2^63 - 1. */
const FOREVER_MS = 2 ** 62

const unfit = (map: string, longestMs: number, what: string): ConfigError =>
  new ConfigError(
    `hazelcast: the map '${map}' ${what}. Say in the configuration of every member, under map: ${map}: time-to-live-seconds: ${Math.ceil(longestMs / 1_000)}, the longest absolute lifetime of a session.`,
  )
