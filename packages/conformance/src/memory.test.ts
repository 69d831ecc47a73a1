import { describe, test } from 'vitest'
import { memoryStore } from '@holdfast/memory'
import { storeConformance } from './store-conformance.js'

describe('memory', () => {
  const maxRecordBytes = 1_048_576
  storeConformance({
    describe,
    test,
    createStore: ({ clock }) => memoryStore({ clock, maxBytes: maxRecordBytes }),
    traits: { maxRecordBytes },
  })
})
