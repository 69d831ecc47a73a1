import { availableParallelism } from 'node:os'
import { configDefaults, defineConfig } from 'vitest/config'

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
          name: 'whole',
          include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
          exclude: [...configDefaults.exclude, 'test/demo/**'],
          globalSetup: ['test/servers/hazelcast-shared.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        ssr,
        // In a demo nearly all of the time is the pace of its visitors.
        test: {
          name: 'demo',
          include: ['test/demo/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          maxWorkers: 4,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
