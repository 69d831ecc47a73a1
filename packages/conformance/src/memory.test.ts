import { describe, test } from 'vitest'
import { memoryStore } from '@holdfast/memory'
import { storeConformance } from './store-conformance.js'

describe('memory', () => {
  storeConformance({ describe, test, createStore: ({ clock }) => memoryStore({ clock }) })
})
