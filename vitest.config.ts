import { defineConfig } from 'vitest/config'

// The source condition lets tests run without a build (ARCHITECTURE, toolchain).
const ssr = { resolve: { conditions: ['@holdfast/source', 'module', 'node', 'development|production'] } }

export default defineConfig({
  test: {
    projects: [
      { ssr, test: { name: 'unit', include: ['packages/*/src/**/*.test.ts'], testTimeout: 30_000 } },
      {
        ssr,
        test: {
          name: 'whole',
          include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
