import { StoreUnavailableError, warnOnce } from '@holdfast/core'
import type { RedisConnection } from './client.js'
import { hasCode } from './reply-errors.js'

/** A server whose clock is further off than this forgets records too early, or keeps them too long. */
const MOST_SKEW_MS = 5_000

/** How many ms the clock of this process is ahead of the server's, the way there and back halved; 0 where it may not ask. */
export async function msAhead(connection: RedisConnection, clock: () => number): Promise<number> {
  const startedAt = clock()
  try {
    const [seconds, micros] = (await connection.call('TIME')) as [string, string]
    return (startedAt + clock()) / 2 - (Number(seconds) * 1_000 + Number(micros) / 1_000)
  } catch (error) {
    if (hasCode(error, 'NOPERM')) return 0
    throw error
  }
}

/** Throws a sentence that says what is wrong, and warns, when the clocks are more than 5 s apart. */
export function assertClock(aheadMs: number): void {
  if (Math.abs(aheadMs) <= MOST_SKEW_MS) return
  const seconds = Math.round(Math.abs(aheadMs) / 1_000)
  const message = `the clock of this process is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the one of the Redis server, so sessions end at the wrong time. Synchronise both (NTP).`
  warnOnce('HOLDFAST_REDIS_CLOCK', `@holdfast/redis: ${message}`)
  throw new StoreUnavailableError(`redis: ${message}`)
}

/** Warns about a master that may lose sessions by its settings, and about its clock. What may not be asked is left out. */
export async function checkServer(connection: RedisConnection, clock: () => number): Promise<void> {
  await Promise.allSettled([msAhead(connection, clock).then(assertClock), checkSettings(connection)])
}

/** All of it is in INFO, which users without rights to CONFIG may ask, too. */
async function checkSettings(connection: RedisConnection): Promise<void> {
  const info = String(await connection.call('INFO'))
  const valueOf = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]
  const policy = valueOf('maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction') {
    warnOnce(
      'HOLDFAST_REDIS_EVICTION',
      `@holdfast/redis: the server has maxmemory-policy ${policy}: when its memory is full it throws sessions away, which logs users out without an error. Set maxmemory-policy noeviction.`,
    )
  }
  // This line is there only where min-replicas-to-write and min-replicas-max-lag are set.
  const isGuarded = valueOf('min_slaves_good_slaves') !== undefined
  if (valueOf('role') === 'master' && Number(valueOf('connected_slaves')) > 0 && !isGuarded) {
    warnOnce(
      'HOLDFAST_REDIS_MIN_REPLICAS',
      '@holdfast/redis: the server has replicas and min-replicas-to-write 0: a master that was cut off goes on taking writes, which are thrown away when it is back. Set min-replicas-to-write 1 and min-replicas-max-lag 2.',
    )
  }
}
