import { migrate, moveMigration } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { describe, test, vi } from 'vitest'
import { storeConformance } from './store-conformance.js'

const PHASES = ['off', 'shadow', 'switch', 'drain', 'done'] as const

// A thousand random sequences run over the stores themselves; in each phase fewer.
vi.stubEnv('HOLDFAST_RUNS', process.env['HOLDFAST_RUNS'] ?? '200')

for (const [at, phase] of PHASES.entries()) {
  describe(`migrate in the phase '${phase}'`, () => {
    storeConformance({
      describe,
      test,
      createStore: async ({ clock }) => {
        const [from, to] = [memoryStore({ clock }), memoryStore({ clock })]
        for (const next of PHASES.slice(1, at + 1)) await moveMigration(to, next, { clock })
        // The first process of a phase may have to wait for the leases of others; its own is short.
        const first = migrate({ from, to, clock, lookEvery: '1ms' })
        while (first.status().phase !== phase) await new Promise((resolve) => setTimeout(resolve, 1))
        await first.release()
        const store = migrate({ from, to, clock })
        return store
      },
    })
  })
}

vi.unstubAllEnvs()
