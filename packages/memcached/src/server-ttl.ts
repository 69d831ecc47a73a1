/** Memcached takes a larger number for a date, in seconds since 1970: 31 days would be over since 1970. */
const LONGEST_DURATION_S = 30 * 86_400
/** The largest number that Memcached reads: a 32-bit integer. */
const LAST_DATE_S = 2 ** 31 - 1
/** Only a date depends on the clock of the server, which may be off. */
const CLOCK_SLACK_S = 86_400
const FOREVER = 0

/**
 * For how long the server shall keep what ends in `remainingMs`: seconds, or from 30 days on a date. Always longer than
 * asked, as it only collects garbage. `now`: of the real clock, ms.
 */
export function serverTtl(remainingMs: number, now: number): number {
  const seconds = Math.max(0, Math.ceil(remainingMs / 1_000)) + 1
  if (seconds <= LONGEST_DURATION_S) return seconds
  const date = Math.ceil(now / 1_000) + seconds + CLOCK_SLACK_S
  return date <= LAST_DATE_S ? date : FOREVER
}
