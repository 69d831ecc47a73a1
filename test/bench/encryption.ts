/**
 * Prints what encryption adds to a read and to a write: CPU time of `memory` with and without it, the same records in the
 * same order, for the sessions of the other benches.
 * Run: node --conditions=@holdfast/source --import tsx test/bench/encryption.ts
 */
import { randomBytes } from 'node:crypto'
import { encrypted, observe, type SessionRecord, type SessionStore } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { fixtures } from './app.js'
import { median } from './statistics.js'

const ROUNDS = 21
const WARM_UP = 3
const CALLS = 20_000
const SESSIONS = 1_000

const keys = Array.from({ length: SESSIONS }, () => randomBytes(32).toString('base64url'))
const at = (call: number): string => keys[call % SESSIONS] as string
const HEADER = '{"v":1,"c":1764000000000,"i":1800000,"x":1764043200000,"t":"abcdefgh","s":{}}\n'

/** Microseconds of CPU time for each of `CALLS`. */
async function costOf(call: (number: number) => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  for (let number = 0; number < CALLS; number++) await call(number)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / CALLS
}

/** A read, and a write of the session that was read before. */
async function costs(store: SessionStore, record: SessionRecord): Promise<readonly [number, number]> {
  for (const key of keys) await store.write(key, record, 'newer')
  const read = await costOf((number) => store.read(at(number)))
  const write = await costOf((number) => store.write(at(number), record, { replaces: record }))
  return [read, write]
}

console.log(`CPU time in µs, median of ${ROUNDS} rounds of ${CALLS} calls on Node ${process.version}.\n`)
for (const { title, data } of Object.values(fixtures)) {
  const record = { data: HEADER + JSON.stringify(data), revision: 1, tag: 'abcdefgh', expiresAt: Date.now() + 36e5 }
  const stores = {
    plain: memoryStore(),
    encrypted: encrypted(memoryStore(), { keys: randomBytes(32).toString('base64url') }),
    'observed by nobody': observe(memoryStore()),
  }
  const measured = Object.keys(stores).map((name) => ({ name, reads: [] as number[], writes: [] as number[] }))
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const [index, store] of Object.values(stores).entries()) {
      const [read, write] = await costs(store, record)
      if (round < 0) continue
      measured[index]?.reads.push(read)
      measured[index]?.writes.push(write)
    }
  }
  const [{ reads, writes } = { reads: [], writes: [] }] = measured
  console.log(title)
  for (const one of measured) {
    const added = (own: readonly number[], plain: readonly number[]): string =>
      median(own.map((cost, round) => cost - (plain[round] ?? NaN))).toFixed(2)
    const [read, write] = [median(one.reads), median(one.writes)].map((cost) => cost.toFixed(2))
    console.log(
      `  ${one.name.padEnd(18)} read ${read} (+${added(one.reads, reads)}), write ${write} (+${added(one.writes, writes)})`,
    )
  }
  for (const store of Object.values(stores)) await store.close()
}
