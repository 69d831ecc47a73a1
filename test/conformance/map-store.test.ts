import { describe, test } from 'vitest'
import { storeConformance } from '@holdfast/conformance'
import { Backend, MapStore, MAX_RECORD_BYTES } from './map-store.js'

describe('a store that shares its data with other processes', () => {
  const backend = new Backend()
  storeConformance({
    describe,
    test,
    createStore: ({ clock }) => new MapStore(clock, backend),
    hang: async () => {
      backend.hangs = true
      return async () => {
        backend.hangs = false
      }
    },
    traits: { shared: true, maxRecordBytes: MAX_RECORD_BYTES },
  })
})

describe('a store that goes by the clock of the machine', () => {
  storeConformance({
    describe,
    test: test.concurrent,
    createStore: () => new MapStore(Date.now),
    traits: { clock: 'real' },
  })
})
