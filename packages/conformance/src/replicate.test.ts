import { failover, replicate } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { describe, test } from 'vitest'
import { storeConformance } from './store-conformance.js'

describe('replicate over three memories', () => {
  storeConformance({
    describe,
    test,
    createStore: ({ clock }) => {
      const memory = () => memoryStore({ clock })
      return replicate({ a: memory(), b: memory(), c: memory() }, { copies: 2, clock })
    },
  })
})

describe('failover over two memories', () => {
  storeConformance({
    describe,
    test,
    createStore: ({ clock }) => failover(memoryStore({ clock }), memoryStore({ clock }), { clock }),
  })
})
