import { describe, expect, test } from 'vitest'
import type { SessionRecord } from '@holdfast/core'
import { memory } from './memory-adapter.js'

const context = { clock: () => 1_000, idleMs: 1, absoluteMs: 1 }
const record: SessionRecord = { data: '{}', revision: 1, tag: 'aaaaaaaa', expiresAt: 2_000 }

describe('memory: as a URL', () => {
  test('opens a store that goes by the clock of the engine', async () => {
    const store = await memory.open('memory:', context)
    await store.write('a', record, 'absent')
    await store.write('b', { ...record, expiresAt: 1_000 }, 'absent')
    expect(await store.read('a')).toEqual(record)
    expect(await store.read('b')).toBeUndefined()
  })

  test('takes both bounds from the query', async () => {
    const store = await memory.open('memory:?maxSessions=1&maxBytes=1000', context)
    await store.write('a', record, 'absent')
    await store.write('b', record, 'absent')
    expect(await store.read('a')).toBeUndefined()
    await expect(store.write('c', { ...record, data: 'x'.repeat(1_000) }, 'absent')).rejects.toThrow(/limit is 1000/)
  })

  test.each([
    ['memory:?size=3', `store: 'memory:' has no option "size". It has maxSessions and maxBytes.`],
    ['memory:?maxSessions=many', `store: maxSessions of 'memory:' is "many". Use a whole number above 0.`],
    ['memory:?maxBytes=', `store: maxBytes of 'memory:' is "". Use a whole number above 0.`],
    ['memory:?maxBytes=0', `store: maxBytes of 'memory:' is "0". Use a whole number above 0.`],
    ['memory:?maxBytes=64MiB', `store: maxBytes of 'memory:' is "64MiB". Use a whole number above 0.`],
    ['memory://host', `store: "memory://host" is not understood. Write 'memory:' or 'memory:?maxBytes=67108864'.`],
    ['memory:x', `store: "memory:x" is not understood. Write 'memory:' or 'memory:?maxBytes=67108864'.`],
  ])('%s is refused and says what to do', (url, message) => {
    expect(() => memory.open(url, context)).toThrow(expect.objectContaining({ code: 'CONFIG', message }))
  })
})
