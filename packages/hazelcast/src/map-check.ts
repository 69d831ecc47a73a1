import { randomBytes } from 'node:crypto'
import { ConfigError, warnOnce } from '@holdfast/core'
import type { Client } from 'hazelcast-client'
import type { SessionMap } from './map-port.js'

const TTL_MS = 5_000
/** What the open-source edition needs so that one member may die and the others still know that they are the larger part. */
const ENOUGH_MEMBERS = 3

export interface MapCheckOptions {
  readonly client: Client
  readonly map: SessionMap
  readonly name: string
  /** The longest that a session may live. */
  readonly longestMs: number
}

/**
 * Rejects with the line of configuration to add where the map would keep sessions for ever or not long enough; warns of what
 * else can be seen to be unfit. Asks with an entry of its own: `replaceIfSame` gives it the lifetime of the map, which no
 * call of the client tells. How many backups there are, and whether the smaller part of a cut network refuses, no client of
 * 5.6 can ask: the second shows only where a member is alone.
 */
export async function checkMap({ client, map, name, longestMs }: MapCheckOptions): Promise<void> {
  const key = `probe-${randomBytes(12).toString('base64url')}`
  try {
    await map.putIfAbsent(key, 'first', TTL_MS)
    if (!(await map.replaceIfSame(key, 'first', 'second')))
      throw unfit(name, longestMs, 'replaces nothing by compare-and-set')
    const { ttl, maxIdle } = await map.getEntryView(key)
    assertLifetime(Number(ttl), name, longestMs)
    warnOfMaxIdle(Number(maxIdle), name)
    warnOfMembers(client.getCluster().getMembers().length, name)
  } finally {
    await map.delete(key).catch(() => {})
  }
}

/** What stands for no end is 2^63 - 1. */
const FOREVER_MS = 2 ** 62

function assertLifetime(ttlMs: number, name: string, longestMs: number): void {
  if (ttlMs >= FOREVER_MS) throw unfit(name, longestMs, 'keeps an entry for ever once it was changed')
  if (ttlMs < longestMs)
    throw unfit(name, longestMs, `forgets an entry ${ttlMs / 1_000} s after it was changed, before its session ends`)
}

const unfit = (map: string, longestMs: number, what: string): ConfigError =>
  new ConfigError(
    `hazelcast: the map '${map}' ${what}. Say in the configuration of every member, under map: ${map}: time-to-live-seconds: ${Math.ceil(longestMs / 1_000)}, the longest absolute lifetime of a session.`,
  )

function warnOfMaxIdle(maxIdleMs: number, name: string): void {
  if (maxIdleMs >= FOREVER_MS) return
  warnOnce(
    'HOLDFAST_HAZELCAST_MAX_IDLE',
    `@holdfast/hazelcast: the map '${name}' throws away what was not used for ${maxIdleMs / 1_000} s. Sessions end by themselves: take max-idle-seconds out of the configuration of every member, under map: ${name}.`,
  )
}

function warnOfMembers(members: number, name: string): void {
  if (members >= ENOUGH_MEMBERS) return
  warnOnce(
    'HOLDFAST_HAZELCAST_MEMBERS',
    `@holdfast/hazelcast: the cluster has ${members} member${members === 1 ? '' : 's'}. ${members === 1 ? 'Its sessions end with it' : 'When one of them dies, the other cannot know whether it is the one that is cut off'}: start ${ENOUGH_MEMBERS}, and name them all in the configuration of every member, under network: join: tcp-ip: member-list.`,
  )
  if (members > 1) return
  warnOnce(
    'HOLDFAST_HAZELCAST_SPLIT_BRAIN',
    `@holdfast/hazelcast: a member that is alone takes writes to the map '${name}': when the network is cut, each part does, and what one of them took is thrown away afterwards. Say in the configuration of every member, under map: ${name}: split-brain-protection-ref: majority, and under split-brain-protection: majority: enabled: true, minimum-cluster-size: 2, protect-on: READ_WRITE.`,
  )
}
