import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startCommand, type Child } from '../process.js'

// Installing takes most of a minute, so it happens twice: once for each of the two commands that may come first.
const INSTALL_MS = 400_000

const folder = mkdtempSync(join(tmpdir(), 'holdfast-fresh-'))
const clone = join(folder, 'holdfast')

/** As a newcomer's shell: nothing of the test run that this is part of. */
const shell = Object.fromEntries(
  Object.keys(process.env)
    .filter((name) => name === 'NODE_ENV' || name.startsWith('VITEST'))
    .map((name) => [name, undefined]),
)

/** The settings that keep scripts and development packages from an installation. */
const hostile = { NODE_ENV: 'production' }
const hostileNpmrc = 'ignore-scripts=true\nomit=dev\n'

beforeAll(() => {
  execFileSync('git', ['clone', '--quiet', fileURLToPath(new URL('../..', import.meta.url)), clone])
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const npm = (args: readonly string[], env: Readonly<Record<string, string | undefined>> = {}): Child =>
  startCommand('npm', { args, cwd: clone, env: { ...shell, ...env }, ownGroup: true })

async function demoAnswersAndStops(env?: Readonly<Record<string, string>>): Promise<void> {
  const start = npm(['start', '--', '--port', '0'], env)
  const [url] = await start.printed(/http:\/\/127\.0\.0\.1:\d+/, INSTALL_MS)
  const page = await fetch(url)
  expect(page.status).toBe(200)
  expect(await page.text()).toContain('<html')
  // npm ends itself by the signal that it got, once its script has ended.
  expect((await start.stop('SIGINT')).code ?? 0, start.output()).toBe(0)
  await expect(fetch(url)).rejects.toThrow()
}

/** One small file stands for all: the tests as a whole are what this test is a part of. */
async function testsRun(env?: Readonly<Record<string, string>>): Promise<void> {
  const tests = npm(['test', '--', 'packages/core/src/duration.test.ts'], env)
  expect(await tests.ended, tests.output()).toEqual({ code: 0, signal: null })
  expect(tests.output()).toMatch(/Test Files .*1 passed/)
}

describe('a fresh clone in an empty folder', () => {
  test(
    '`npm start` comes first: the demo answers, and Ctrl-C ends it; then `npm test` works',
    { timeout: INSTALL_MS },
    async () => {
      expect(existsSync(join(clone, 'node_modules'))).toBe(false)
      await demoAnswersAndStops()
      await testsRun()
    },
  )

  test(
    'the same under ignore-scripts, omit=dev and NODE_ENV=production, with `npm test` first',
    { timeout: INSTALL_MS },
    async () => {
      rmSync(join(clone, 'node_modules'), { recursive: true, force: true })
      writeFileSync(join(clone, '.npmrc'), hostileNpmrc)
      await testsRun(hostile)
      await demoAnswersAndStops(hostile)
    },
  )
})
