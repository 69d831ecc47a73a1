import { ConfigError } from '@holdfast/core'

export type Durability = 'replicated' | 'replicated-all'

const MOST_MS = 60_000

/** Characters that mean nothing to SCAN's patterns and to the hashing of Redis Cluster. */
const PREFIX = /^[A-Za-z0-9:._/-]{1,64}$/

export function assertPrefix(prefix: unknown, option = 'prefix'): asserts prefix is string | undefined {
  if (prefix === undefined || (typeof prefix === 'string' && PREFIX.test(prefix))) return
  throw new ConfigError(
    `redisStore: ${option} is ${show(prefix)}. Use 1 to 64 letters, digits and ': . _ / -', such as 'sess:'.`,
  )
}

export function assertDeadline(option: string, deadlineMs: unknown, shown: unknown = deadlineMs): void {
  if (typeof deadlineMs === 'number' && deadlineMs >= 1 && deadlineMs <= MOST_MS) return
  throw new ConfigError(`redisStore: ${option} is ${show(shown)}. Give ms from 1 to ${MOST_MS}; 250 is the default.`)
}

export function assertDurability(durability: unknown): asserts durability is Durability | undefined {
  if (durability === undefined || durability === 'replicated' || durability === 'replicated-all') return
  throw new ConfigError(
    `redisStore: durability is ${show(durability)}. Give 'replicated' or 'replicated-all', or leave it out.`,
  )
}

const show = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(value) : typeof value === 'number' ? String(value) : typeof value
