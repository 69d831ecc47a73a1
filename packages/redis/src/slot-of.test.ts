import { expect, it } from 'vitest'
import { slotOf } from './slot-of.js'

// The answers of CLUSTER KEYSLOT, Redis 7.0.
it.each([
  ['', 0],
  ['123456789', 12_739],
  ['sess:a', 16_351],
  ['sess:foo', 8_504],
  ['sess:_Zk9-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 7_340],
])('gives %j the slot that Redis gives it', (key, slot) => {
  expect(slotOf(key)).toBe(slot)
})
