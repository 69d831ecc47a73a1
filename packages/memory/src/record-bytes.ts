import type { SessionRecord } from '@holdfast/core'

/**
 * What a record costs beside its text: key, tag, deadline, object and its places in the cache. Measured by
 * `test/bench/memory-footprint.ts` and rounded up.
 */
export const OVERHEAD_BYTES = 300

/**
 * The memory that a record takes in this process, never too low: V8 keeps text as one byte per character or as two,
 * and only ASCII is sure to be the former.
 */
export function recordBytes({ data }: SessionRecord): number {
  if (data === null) return OVERHEAD_BYTES
  const isAscii = Buffer.byteLength(data) === data.length
  return OVERHEAD_BYTES + data.length * (isAscii ? 1 : 2)
}
