import { defineConfig } from 'tsup'

/** One build for every package: ESM and CommonJS with their types. */
export default defineConfig({
  entry: ['src/index.ts'],
  format: ['esm', 'cjs'],
  target: 'node20',
  dts: { compilerOptions: { customConditions: [], noEmit: false } },
  clean: true,
  sourcemap: true,
  // In the CommonJS build `import()` becomes `require`, else a CommonJS app would load a second core.
  esbuildOptions(options, { format }) {
    if (format === 'cjs') options.supported = { ...options.supported, 'dynamic-import': false }
  },
})
