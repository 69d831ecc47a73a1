/**
 * Prints what a read takes that a near cache answers, beside one of `memory`: CPU time, the same keys in the same order. What
 * a near cache does more is to read the monotonic clock, which is measured too.
 * Run: node --conditions=@holdfast/source --import tsx test/bench/near-cache.ts
 */
import { randomBytes } from 'node:crypto'
import { nearCache, type SessionStore } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { median, medianRatio } from './statistics.js'

/** ARCHITECTURE, section 7. */
const BUDGET = 1.1
const ROUNDS = 21
const WARM_UP = 3
const READS = 100_000
const SESSIONS = [1, 1_000, 10_000]

async function fill(store: SessionStore, count: number): Promise<readonly string[]> {
  const keys = Array.from({ length: count }, () => randomBytes(32).toString('base64url'))
  const expiresAt = Date.now() + 3_600_000
  for (const key of keys) await store.write(key, { data: '{}', revision: 1, tag: 'abcdefgh', expiresAt }, 'absent')
  return keys
}

/** Nanoseconds of CPU time for each of `READS`. */
async function costOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1_000) / READS
}

const cost = (store: SessionStore, keys: readonly string[]): Promise<number> =>
  costOf(async () => {
    for (let read = 0; read < READS; read++) await store.read(keys[read % keys.length] as string)
  })

const clockCost = (): Promise<number> =>
  costOf(async () => {
    let latest = 0
    for (let read = 0; read < READS; read++) latest = Math.max(latest, performance.now())
  })

console.log(`A read in ns of CPU time, median of ${ROUNDS} rounds of ${READS}; the ratio is taken round by round.\n`)
for (const count of SESSIONS) {
  const memory = memoryStore()
  const near = nearCache(memory, { maxStaleMs: 60_000, maxSessions: 10_000 })
  const keys = await fill(near, count)
  const plain: number[] = []
  const hit: number[] = []
  const clock: number[] = []
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const costs = [await cost(memory, keys), await cost(near, keys), await clockCost()] as const
    if (round < 0) continue
    plain.push(costs[0])
    hit.push(costs[1])
    clock.push(costs[2])
  }
  const [memoryNs, nearNs, clockNs] = [plain, hit, clock].map((costs) => median(costs).toFixed(0))
  console.log(
    `${String(count).padStart(6)} sessions: memory ${memoryNs}, near cache ${nearNs}, that clock alone ${clockNs}; ` +
      `× ${medianRatio(hit, plain).toFixed(2)} (budget ${BUDGET})`,
  )
  await near.close()
}
