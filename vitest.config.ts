import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// The source condition lets tests run without a build (ARCHITECTURE, toolchain).
const ssr = { resolve: { conditions: ['@holdfast/source', 'module', 'node', 'development|production'] } }

export default defineConfig({
  test: {
    // Most tests wait for servers; by default one core of two would be left idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      { ssr, test: { name: 'unit', include: ['packages/*/src/**/*.test.ts'], testTimeout: 30_000 } },
      {
        ssr,
        test: {
          // Most tests wait for servers; by default one core of two would be left idle.
          maxWorkers: Math.max(2, availableParallelism() - 1),
          name: 'whole',
          include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
          globalSetup: ['test/servers/hazelcast-shared.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
