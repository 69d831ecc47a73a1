import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { newTag } from '../../packages/core/src/codec.js'

/** Numbers from 0 to 1: the same for the same seed (xorshift). */
export function randomFrom(seed: number): () => number {
  let state = Math.imul(seed, 2_654_435_761) | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

/** Runs `work`, which has the whole process to itself, with ids, tags and jitter that follow from `random` alone. */
export async function withRandom<T>(random: () => number, work: () => Promise<T>): Promise<T> {
  const { randomBytes, randomFillSync } = crypto
  const real = { randomBytes, randomFillSync }
  const mathRandom = Math.random
  let fills = 0
  const fill = (buffer: Buffer): Buffer => {
    fills++
    for (let at = 0; at < buffer.length; at++) buffer[at] = random() * 256
    return buffer
  }
  Object.assign(crypto, { randomFillSync: fill, randomBytes: (size: number) => fill(Buffer.alloc(size)) })
  syncBuiltinESMExports()
  Math.random = random
  // What is left in the pool of tags comes from the run before.
  while (fills === 0) newTag()
  try {
    return await work()
  } finally {
    Object.assign(crypto, real)
    syncBuiltinESMExports()
    Math.random = mathRandom
  }
}
