import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { encrypted, nearCache, observe, replicate } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { createKey } from './fixtures.js'
import { storeConformance } from './store-conformance.js'

const keys = [createKey(), createKey()]
const maxRecordBytes = 1_048_576

describe('encrypted over memory', () => {
  storeConformance({
    describe,
    test,
    createStore: ({ clock }) => encrypted(memoryStore({ clock, maxBytes: maxRecordBytes }), { keys }),
    traits: { maxRecordBytes },
  })
})

describe('a near cache over replicate over three encrypted memories, each of them observed', () => {
  const ignore = (): void => {}
  beforeAll(() => subscribe('holdfast:call', ignore))
  afterAll(() => void unsubscribe('holdfast:call', ignore))

  storeConformance({
    describe,
    test,
    createStore: ({ clock }) => {
      const store = () => observe(encrypted(observe(memoryStore({ clock })), { keys }))
      const copies = replicate({ a: store(), b: store(), c: store() }, { copies: 2, clock })
      return observe(nearCache(observe(copies), { maxStaleMs: 60_000, clock }))
    },
  })
})
