import { expect, test } from 'vitest'
import { serverTtl } from './server-ttl.js'

const NOW = Date.UTC(2026, 0, 1)
const DAY_MS = 86_400_000

test.each([
  [-5_000, 1],
  [0, 1],
  [1, 2],
  [300, 2],
  [1_000, 2],
  [1_001, 3],
  [1_800_000, 1_801],
  [30 * DAY_MS - 1_000, 2_592_000],
])('%d ms are %d whole seconds: rounded up and one more', (remainingMs, seconds) => {
  expect(serverTtl(remainingMs, NOW)).toBe(seconds)
})

test.each([30, 31, 400, 3_650])('%d days are a date, which is later by up to a day', (days) => {
  const end = NOW / 1_000 + days * 86_400
  const date = serverTtl(days * DAY_MS, NOW)
  expect(date).toBeGreaterThan(end)
  expect(date).toBeLessThanOrEqual(end + 86_402)
})

test('a date that the server cannot read is for ever', () => {
  expect(serverTtl(20 * 365 * DAY_MS, NOW)).toBe(0)
  expect(serverTtl(Infinity, NOW)).toBe(0)
})
