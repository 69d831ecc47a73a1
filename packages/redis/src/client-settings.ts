import { warnOnce } from '@holdfast/core'
import { isCluster, type ConnectionOptions, type RedisClient } from './client.js'

interface Finding {
  /** As the app wrote it: `redisOptions.connectTimeout` for a Cluster. */
  readonly setting: string
  readonly value: unknown
  readonly advice: string
}

/** The most that `connectTimeout` may be without a word, in ms. */
const SLOW_CONNECT_MS = 2_000

/**
 * Warns, once for each setting, about what makes a client that the app has made wait, queue or repeat. The settings of a
 * client that this package opens are right.
 */
export function warnOfSettings(client: RedisClient, deadlineMs: number): void {
  for (const { setting, value, advice } of findings(client, deadlineMs)) {
    warnOnce(
      `HOLDFAST_REDIS_SETTING_${setting.toUpperCase().replace('.', '_')}`,
      `redisStore: the client has ${setting}: ${typeof value === 'function' ? 'a function' : String(value)}. ${advice}`,
    )
  }
}

function findings(client: RedisClient, deadlineMs: number): readonly Finding[] {
  if (!isCluster(client)) {
    return [...queueing(client.options), ...repeating(client.options), ...waiting(client.options, deadlineMs, '')]
  }
  const { scaleReads, redisOptions = {} } = client.options
  return [
    ...queueing(client.options),
    ...waiting(redisOptions, deadlineMs, 'redisOptions.'),
    ...found(
      scaleReads !== undefined && scaleReads !== 'master',
      'scaleReads',
      scaleReads,
      "A replica may not have the latest write, so a user may be logged out after a login. Set it to 'master'.",
    ),
  ]
}

function found(isWrong: boolean, setting: string, value: unknown, advice: string): Finding[] {
  return isWrong ? [{ setting, value, advice }] : []
}

interface Queueing {
  readonly enableOfflineQueue?: boolean | undefined
  readonly enableAutoPipelining?: boolean | undefined
}

/** Unset is ioredis' default: `enableOfflineQueue` true. */
const queueing = ({ enableOfflineQueue, enableAutoPipelining }: Queueing): Finding[] => [
  ...found(
    enableOfflineQueue !== false,
    'enableOfflineQueue',
    enableOfflineQueue ?? true,
    'Commands of an outage are queued and run when it is over. Set it to false.',
  ),
  ...found(
    enableAutoPipelining === true,
    'enableAutoPipelining',
    true,
    'Commands wait for each other, and errors of one may hit others. Set it to false, or use a client of its own.',
  ),
]

/** Not for a Cluster: it makes new connections of its nodes only after it has asked for the slots again. */
function repeating({ autoResendUnfulfilledCommands, maxRetriesPerRequest }: ConnectionOptions): Finding[] {
  const retries = maxRetriesPerRequest === undefined ? 20 : maxRetriesPerRequest
  return [
    ...found(
      autoResendUnfulfilledCommands !== false,
      'autoResendUnfulfilledCommands',
      autoResendUnfulfilledCommands ?? true,
      'A command whose connection breaks runs twice. Set it to false.',
    ),
    ...found(
      retries === null || retries > 1,
      'maxRetriesPerRequest',
      retries,
      'Commands wait for that many new connections. Set it to 0.',
    ),
  ]
}

function waiting({ connectTimeout, commandTimeout }: ConnectionOptions, deadlineMs: number, path: string): Finding[] {
  const connectMs = connectTimeout ?? 10_000
  return [
    ...found(
      connectMs > SLOW_CONNECT_MS || connectMs <= 0,
      `${path}connectTimeout`,
      connectMs,
      'A server that is cut off is waited for that long (ms). Set it to 500.',
    ),
    ...found(
      commandTimeout !== undefined && commandTimeout <= deadlineMs,
      `${path}commandTimeout`,
      commandTimeout,
      `The store has a deadline of ${deadlineMs} ms, and counts what misses it. Leave it unset, or set it above that.`,
    ),
  ]
}
