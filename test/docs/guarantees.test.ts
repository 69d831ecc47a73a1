import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

test('the table on the guarantees page names the tests that are there', async () => {
  const check = promisify(execFile)(process.execPath, ['dev/guarantees.mjs', '--check'], { cwd: root })
  await expect(check).resolves.toMatchObject({ stderr: '' })
}, 120_000)
