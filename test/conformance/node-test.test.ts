import { expect, test } from 'vitest'
import { startNode } from '../process.js'

const FILE = 'test/conformance/memory-under-node-test.ts'

test('the suite runs under node:test and passes there', async () => {
  const child = startNode(FILE, { env: { NODE_TEST_CONTEXT: undefined } })
  expect(await child.ended).toEqual({ code: 0, signal: null })
  expect(child.output()).toMatch(/^(#|ℹ) fail 0$/m)
  expect(Number(/^(?:#|ℹ) pass (\d+)$/m.exec(child.output())?.[1])).toBeGreaterThan(90)
})

test('a store that is wrong fails under node:test too', async () => {
  const child = startNode(FILE, { env: { NODE_TEST_CONTEXT: undefined, FLAW: 'touch moves the deadline back' } })
  expect((await child.ended).code).toBe(1)
  expect(child.output()).toContain('only forward: an earlier or the same deadline is not written')
  expect(child.output()).toMatch(/seed: -?\d+/)
})
