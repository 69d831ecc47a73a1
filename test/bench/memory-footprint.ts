/**
 * Prints what one idle session takes in `memory`: through the engine, beside its JSON (the budget), and in the store alone,
 * beside its text (what the store counts for `maxBytes`).
 * Run: node --expose-gc --conditions=@holdfast/source --import tsx test/bench/memory-footprint.ts
 */
import { createHash, randomBytes } from 'node:crypto'
import { createEngine, TOMBSTONE_REVISION, type SessionRecord, type SessionStore } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { OVERHEAD_BYTES } from '../../packages/memory/src/record-bytes.js'
import { fixtures, SECRET, type Data } from './app.js'

/** ARCHITECTURE, section 7: at most the JSON and so much. */
const BUDGET_BYTES = 350
/** Above 262,144 entries a Map has just doubled: the worst count there is. */
const COUNTS = [100_000, 262_200]
const ONE_DAY_MS = 86_400_000

const gc = globalThis.gc
if (!gc) throw new Error('Run node with --expose-gc.')

function heapBytes(): number {
  for (let round = 0; round < 3; round++) gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

type Fill = (store: SessionStore, count: number) => Promise<void>

/** Bytes per session beyond `textBytes`, while the store holds them and after it was closed. */
async function measure(count: number, textBytes: number, fill: Fill) {
  const store = memoryStore({ maxBytes: Number.MAX_SAFE_INTEGER })
  const before = heapBytes()
  await fill(store, count)
  const held = (heapBytes() - before) / count - textBytes
  await store.close()
  return { held, left: (heapBytes() - before) / count }
}

const throughEngine =
  (data: Data): Fill =>
  async (store, count) => {
    const engine = createEngine<Data>({ store, secret: SECRET })
    for (let id = 0; id < count; id++) await engine.create(data)
    await engine.close()
  }

/** Keys, tags and deadlines as the engine makes them; text that nothing else holds. */
const alone =
  (textBytes: number | null): Fill =>
  async (store, count) => {
    for (let id = 0; id < count; id++) {
      const record: SessionRecord = {
        data: textBytes === null ? null : Buffer.alloc(textBytes, String(id)).toString('latin1'),
        revision: textBytes === null ? TOMBSTONE_REVISION : 1,
        tag: randomBytes(6).toString('base64url'),
        expiresAt: Date.now() + ONE_DAY_MS + id,
      }
      await store.write(createHash('sha256').update(String(id)).digest('base64url'), record, 'absent')
    }
  }

async function print(title: string, textBytes: number, fill: Fill, limit: number): Promise<void> {
  for (const count of COUNTS) {
    if (textBytes > 1_000 && count > 100_000) continue
    const { held, left } = await measure(count, textBytes, fill)
    const verdict = held <= limit && left < 10 ? 'ok' : 'OVER'
    if (verdict !== 'ok') process.exitCode = 1
    console.log(
      `${title.padEnd(34)} ${count.toLocaleString('en').padStart(9)} ${held.toFixed(0).padStart(6)} ` +
        `${String(limit).padStart(6)} ${left.toFixed(0).padStart(12)}   ${verdict}`,
    )
  }
}

console.log(`Node ${process.version}. Bytes for each session, beside its JSON or text.`)
console.log(
  `${''.padEnd(34)} ${'sessions'.padStart(9)} ${'bytes'.padStart(6)} ${'limit'.padStart(6)} ${'after close'.padStart(12)}`,
)
await measure(20_000, 0, throughEngine(fixtures['200B'].data))
for (const { title, data } of Object.values(fixtures)) {
  await print(`engine, ${title}`, JSON.stringify(data).length, throughEngine(data), BUDGET_BYTES)
}
await print('store, 200 B of text', 200, alone(200), OVERHEAD_BYTES)
await print('store, tombstones', 0, alone(null), OVERHEAD_BYTES)
