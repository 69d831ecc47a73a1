/**
 * Prints the memory that one idle session takes in `memory` beside its text, as the engine makes keys and tags, and what
 * the store itself counts for `maxBytes`. Run: `node --expose-gc --conditions=@holdfast/source --import tsx test/bench/memory-footprint.ts`.
 */
import { createHash, randomBytes } from 'node:crypto'
import { TOMBSTONE_REVISION, type SessionRecord } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { OVERHEAD_BYTES } from '../../packages/memory/src/record-bytes.js'

const BUDGET_BYTES = 350
const SESSIONS = 100_000
const ONE_DAY_MS = 86_400_000

const gc = globalThis.gc
if (!gc) throw new Error('Run node with --expose-gc.')

const createKey = (id: number) => createHash('sha256').update(String(id)).digest('base64url')

/** JSON of so many bytes, built as one flat string that nothing else holds. */
const createText = (id: number, bytes: number) =>
  Buffer.from(JSON.stringify({ userId: String(id) }).padEnd(bytes, '.')).toString('latin1')

const createRecord = (id: number, data: string | null): SessionRecord => ({
  data,
  revision: data === null ? TOMBSTONE_REVISION : 1,
  tag: randomBytes(6).toString('base64url'),
  expiresAt: Date.now() + ONE_DAY_MS + id,
})

function heapBytes(): number {
  for (let round = 0; round < 3; round++) gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function measure(name: string, textBytes: number | null): Promise<number> {
  const store = memoryStore({ maxBytes: Number.MAX_SAFE_INTEGER })
  const before = heapBytes()
  for (let id = 0; id < SESSIONS; id++) {
    await store.write(createKey(id), createRecord(id, textBytes === null ? null : createText(id, textBytes)), 'newer')
  }
  const perSession = (heapBytes() - before) / SESSIONS
  const overhead = perSession - (textBytes ?? 0)
  await store.close()
  const afterClose = (heapBytes() - before) / SESSIONS
  console.log(
    `${name.padEnd(12)} ${perSession.toFixed(0).padStart(6)} bytes each, ${overhead.toFixed(0)} beside the text` +
      ` (counted: ${OVERHEAD_BYTES}, budget: ${BUDGET_BYTES}); after close ${afterClose.toFixed(0)} each`,
  )
  return overhead
}

console.log(`node ${process.version}, ${SESSIONS.toLocaleString('en')} sessions`)
await measure('warm-up', 200)
const overheads = [await measure('200 B', 200), await measure('4 KB', 4_096), await measure('tombstone', null)]
if (overheads.some((overhead) => overhead > BUDGET_BYTES)) process.exitCode = 1
