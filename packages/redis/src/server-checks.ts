import { StoreUnavailableError, warnOnce, type Finding } from '@holdfast/core'
import type { RedisConnection } from './client.js'
import { hasCode } from './reply-errors.js'

/** A server whose clock is further off than this forgets records too early, or keeps them too long. */
const MOST_SKEW_MS = 5_000

/** How many ms the clock of this process is ahead of the server's, the way there and back halved; undefined where it may not ask. */
export async function msAhead(connection: RedisConnection, clock: () => number): Promise<number | undefined> {
  const startedAt = clock()
  try {
    const [seconds, micros] = (await connection.call('TIME')) as [string, string]
    return (startedAt + clock()) / 2 - (Number(seconds) * 1_000 + Number(micros) / 1_000)
  } catch (error) {
    if (hasCode(error, 'NOPERM')) return undefined
    throw error
  }
}

/** Throws a sentence that says what is wrong, and warns, when the clocks are more than 5 s apart. */
export function assertClock(aheadMs: number | undefined): void {
  for (const finding of clockFindings(aheadMs)) {
    warnOf(finding)
    throw new StoreUnavailableError(`redis: ${finding.message}`)
  }
}

/** Warns about a master that may lose sessions by its settings, and about its clock. What may not be asked is left out. */
export async function checkServer(connection: RedisConnection, clock: () => number): Promise<void> {
  const settings = async (): Promise<void> => settingFindings(await infoOf(connection)).forEach(warnOf)
  await Promise.allSettled([msAhead(connection, clock).then(assertClock), settings()])
}

const warnOf = ({ code, message }: Finding): void => warnOnce(code, `@holdfast/redis: ${message}`)

/** A line of INFO by its name. Users without rights to CONFIG may ask it, too. */
export type Info = (name: string) => string | undefined

export async function infoOf(connection: RedisConnection): Promise<Info> {
  const text = String(await connection.call('INFO'))
  return (name) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(text)?.[1]
}

export function clockFindings(aheadMs = 0): readonly Finding[] {
  if (Math.abs(aheadMs) <= MOST_SKEW_MS) return []
  const seconds = Math.round(Math.abs(aheadMs) / 1_000)
  return [
    wrong(
      'CLOCK',
      `the clock of this process is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the one of the Redis server, so sessions end at the wrong time. Synchronise both (NTP).`,
    ),
  ]
}

/** What is a warning at start. */
export function settingFindings(info: Info): readonly Finding[] {
  const findings: Finding[] = []
  const policy = info('maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction') {
    findings.push(
      wrong(
        'EVICTION',
        `the server has maxmemory-policy ${policy}: when its memory is full it throws sessions away, which logs users out without an error. Set maxmemory-policy noeviction.`,
      ),
    )
  }
  // This line is there only where min-replicas-to-write and min-replicas-max-lag are set.
  const isGuarded = info('min_slaves_good_slaves') !== undefined
  if (info('role') === 'master' && replicasOf(info) > 0 && !isGuarded) {
    findings.push(
      wrong(
        'MIN_REPLICAS',
        'the server has replicas and min-replicas-to-write 0: a master that was cut off goes on taking writes, which are thrown away when it is back. Set min-replicas-to-write 1 and min-replicas-max-lag 2.',
      ),
    )
  }
  return findings
}

export const replicasOf = (info: Info): number => Number(info('connected_slaves') ?? 0)

export const wrong = (code: string, message: string): Finding => finding('wrong', code, message)

export const finding = (level: Finding['level'], code: string, message: string): Finding => ({
  code: `HOLDFAST_REDIS_${code}`,
  level,
  message,
})
