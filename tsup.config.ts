import { defineConfig } from 'tsup'

/** One build for every package: ESM and CommonJS with their types. */
export default defineConfig({
  entry: ['src/index.ts'],
  format: ['esm', 'cjs'],
  target: 'node20',
  dts: { compilerOptions: { customConditions: [], noEmit: false } },
  clean: true,
  sourcemap: true,
  // In the CommonJS build `import()` becomes `require`, else a CommonJS app would load a second core; and
  // `import.meta.url` must still name the file, in a folder of any name (tsup's own shim fails on a `#`).
  esbuildOptions(options, { format }) {
    if (format !== 'cjs') return
    options.supported = { ...options.supported, 'dynamic-import': false }
    options.define = { ...options.define, 'import.meta.url': 'thisFileUrl' }
    options.banner = { js: `'use strict'; const thisFileUrl = require('node:url').pathToFileURL(__filename).href` }
  },
})
