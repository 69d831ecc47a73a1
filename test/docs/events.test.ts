import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')

test('the docs name every event', () => {
  const types = [...read('packages/core/src/events.ts').matchAll(/readonly type: '([a-z-]+)'/g)].map(([, type]) => type)
  expect(types.length).toBeGreaterThan(15)
  const named = [...read('docs/parts/events.md').matchAll(/`([a-z-]+)`/g)].map(([, type]) => type)
  expect([...named].sort()).toEqual([...types].sort())
})
