import { randomBytes } from 'node:crypto'
import { ConfigError, warnOnce, type Finding } from '@holdfast/core'
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
 * else can be seen to be unfit.
 */
export async function checkMap(options: MapCheckOptions): Promise<void> {
  for (const { code, message } of mapFindings(options, await probeMap(options.map))) {
    if (code === LIFETIME) throw new ConfigError(`hazelcast: ${message}`)
    warnOnce(code, `@holdfast/hazelcast: ${message}`)
  }
}

/** What became of an entry of the map. Times in ms. */
export interface MapProbe {
  readonly isReplaced: boolean
  readonly ttlMs: number
  readonly maxIdleMs: number
  /** By the member's clock; undefined where the map keeps no statistics of entries. */
  readonly createdAt: number | undefined
}

/**
 * Asks with an entry of its own: `replaceIfSame` gives it the lifetime of the map, which no call of the client tells. How
 * many backups there are, and whether the smaller part of a cut network refuses, no call of 5.6 tells either: the second
 * shows only where a member is alone.
 */
export async function probeMap(map: SessionMap): Promise<MapProbe> {
  const key = `probe-${randomBytes(12).toString('base64url')}`
  try {
    await map.putIfAbsent(key, 'first', TTL_MS)
    const isReplaced = await map.replaceIfSame(key, 'first', 'second')
    const { ttl, maxIdle, creationTime } = await map.getEntryView(key)
    const createdAt = Number(creationTime) > 0 ? Number(creationTime) : undefined
    return { isReplaced, ttlMs: Number(ttl), maxIdleMs: Number(maxIdle), createdAt }
  } finally {
    await map.delete(key).catch(() => {})
  }
}

/** What stands for no end is 2^63 - 1. */
const FOREVER_MS = 2 ** 62
const LIFETIME = 'HOLDFAST_HAZELCAST_LIFETIME'

export function mapFindings({ client, name, longestMs }: Omit<MapCheckOptions, 'map'>, probe: MapProbe): Finding[] {
  return [
    ...lifetimeFindings(probe, name, longestMs),
    ...maxIdleFindings(probe, name),
    ...memberFindings(client.getCluster().getMembers().length, name),
  ]
}

export const finding = (level: Finding['level'], code: string, message: string): Finding => ({
  code: `HOLDFAST_HAZELCAST_${code}`,
  level,
  message,
})

function lifetimeFindings({ isReplaced, ttlMs }: MapProbe, map: string, longestMs: number): readonly Finding[] {
  const unfit = (what: string): readonly Finding[] => [
    finding(
      'wrong',
      'LIFETIME',
      `the map '${map}' ${what}. Say in the configuration of every member, under map: ${map}: time-to-live-seconds: ${Math.ceil(longestMs / 1_000)}, the longest absolute lifetime of a session.`,
    ),
  ]
  if (!isReplaced) return unfit('replaces nothing by compare-and-set')
  if (ttlMs >= FOREVER_MS) return unfit('keeps an entry for ever once it was changed')
  if (ttlMs >= longestMs) return []
  return unfit(`forgets an entry ${ttlMs / 1_000} s after it was changed, before its session ends`)
}

function maxIdleFindings({ maxIdleMs }: MapProbe, name: string): readonly Finding[] {
  if (maxIdleMs >= FOREVER_MS) return []
  return [
    finding(
      'wrong',
      'MAX_IDLE',
      `the map '${name}' throws away what was not used for ${maxIdleMs / 1_000} s. Sessions end by themselves: take max-idle-seconds out of the configuration of every member, under map: ${name}.`,
    ),
  ]
}

function memberFindings(members: number, name: string): readonly Finding[] {
  if (members >= ENOUGH_MEMBERS) return []
  const tooFew = finding(
    'wrong',
    'MEMBERS',
    `the cluster has ${members} member${members === 1 ? '' : 's'}. ${members === 1 ? 'Its sessions end with it' : 'When one of them dies, the other cannot know whether it is the one that is cut off'}: start ${ENOUGH_MEMBERS}, and name them all in the configuration of every member, under network: join: tcp-ip: member-list.`,
  )
  return members > 1 ? [tooFew] : [tooFew, splitBrain(name, `a member that is alone takes writes to the map '${name}'`)]
}

/** `what` a map without it does. */
export const splitBrain = (name: string, what: string, least = 2): Finding =>
  finding(
    'wrong',
    'SPLIT_BRAIN',
    `${what}: when the network is cut, each part does, and what one of them took is thrown away afterwards. Say in the configuration of every member, under map: ${name}: split-brain-protection-ref: majority, and under split-brain-protection: majority: enabled: true, minimum-cluster-size: ${least}, protect-on: READ_WRITE.`,
  )
