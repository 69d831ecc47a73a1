/** The suite under node:test; run by `node-test.test.ts`, or by hand with node. `FLAW` breaks the store on purpose. */
import { describe, test } from 'node:test'
import { storeConformance } from '@holdfast/conformance'
import { memoryStore } from '@holdfast/memory'
import { flaws } from './flaws/index.js'

const flaw = flaws.find(({ what }) => what === process.env.FLAW)

describe('memory', () => {
  storeConformance({
    describe,
    test,
    createStore: ({ clock }) => (flaw ? new flaw.Store(clock) : memoryStore({ clock })),
  })
})
