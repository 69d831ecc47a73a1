import { cp } from 'node:fs/promises'
import { defineConfig } from 'tsup'

/** File by file, unbundled: the demo starts some of its modules as processes and reads its page from beside them. */
export default defineConfig({
  entry: ['src/**/*.ts', '!src/**/*.test.ts'],
  bundle: false,
  format: ['esm'],
  target: 'node20',
  clean: true,
  sourcemap: true,
  async onSuccess() {
    await cp('src/demo/page', 'dist/demo/page', { recursive: true, filter: (file) => !file.endsWith('tsconfig.json') })
  },
})
