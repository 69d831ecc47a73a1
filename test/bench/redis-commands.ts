import type { Redis } from 'ioredis'

/** Calls of each command, by its name in lower case. What a script calls counts too, beside the script itself. */
export type Commands = ReadonlyMap<string, number>

/** What Redis was asked while `run` ran, by anybody. */
export async function commandsDuring(redis: Redis, run: () => Promise<unknown>): Promise<Commands> {
  await redis.config('RESETSTAT')
  await run()
  const stats = await redis.info('commandstats')
  const counts = [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(
    ([, name = '', calls]) => [name, Number(calls)] as const,
  )
  return new Map(counts.filter(([name]) => name !== 'config|resetstat' && name !== 'info'))
}

/** For one of so many requests: `1 get, 0.1 expire`; what is less than one in a hundred requests is left out. */
export function perRequest(commands: Commands, requests: number): string {
  const shares = [...commands]
    .map(([name, calls]) => ({ name, share: Math.round((calls / requests) * 100) / 100 }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share)
  return shares.map(({ name, share }) => `${share} ${name}`).join(', ') || 'none'
}
