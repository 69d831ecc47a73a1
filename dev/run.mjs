// What `npm start`, `npm test` and the other scripts of the root run. It needs no installed package and no npm hook, so
// each works as the first command after a clone, with `ignore-scripts`, `omit=dev` and NODE_ENV=production as well.
import { spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

const vitest = ['node_modules/vitest/vitest.mjs', 'run']
const turbo = ['node_modules/turbo/bin/turbo', 'run', '--filter=./packages/*']

/** The tests that read HOLDFAST_RUNS: how many random cases each of them tries. */
const randomTests = ['test/races', 'test/peer/random', 'packages/core/src/join', 'packages/conformance/src']
const soakRuns = process.env.HOLDFAST_RUNS ?? '100000'

/** Each task is some settings for the environment, and steps: arguments for node, one after the other until one fails. */
const tasks = {
  start: {
    NODE_ENV: 'development',
    steps: [['--conditions=@holdfast/source', '--import', 'tsx', 'packages/cli/src/cli.ts', 'demo']],
  },
  test: { NODE_ENV: 'test', steps: [vitest] },
  soak: { NODE_ENV: 'test', HOLDFAST_RUNS: soakRuns, steps: [[...vitest, '--testTimeout=0', ...randomTests]] },
  // The benches measure the built packages, hence without the source condition.
  bench: {
    NODE_ENV: 'production',
    steps: [
      [...turbo, 'build'],
      ['--import', 'tsx', 'test/bench/index.ts'],
    ],
  },
  // Real servers under real faults: `npm run faults -- redis --row 2`.
  faults: { NODE_ENV: 'test', steps: [['--conditions=@holdfast/source', '--import', 'tsx', 'test/faults/index.ts']] },
  // `npm run soak -- hazelcast`: one store under load, while its servers come and go.
  'soak hazelcast': {
    NODE_ENV: 'test',
    steps: [['--conditions=@holdfast/source', '--import', 'tsx', 'test/soak/index.ts', 'hazelcast']],
  },
  'soak standby': {
    NODE_ENV: 'test',
    steps: [['--conditions=@holdfast/source', '--import', 'tsx', 'test/soak/index.ts', 'standby']],
  },
  // `npm run soak -- peer-kills`: app servers behind HAProxy, one of which is killed at 200 random moments.
  'soak peer-kills': {
    NODE_ENV: 'test',
    HOLDFAST_PEER_KILLS: process.env.HOLDFAST_PEER_KILLS ?? '200',
    steps: [[...vitest, '--testTimeout=0', 'test/guarantees/g5-g6-app-servers']],
  },
  // `npm run soak -- peer`: nodes of the peer store in virtual time, under all kinds of faults.
  'soak peer': {
    NODE_ENV: 'test',
    HOLDFAST_RUNS: soakRuns,
    steps: [[...vitest, '--testTimeout=0', 'test/peer/random']],
  },
  // `npm run soak -- migrate`: from any store to any other, and in each step a process is killed.
  'soak migrate': {
    NODE_ENV: 'test',
    HOLDFAST_MIGRATE_KILLS: process.env.HOLDFAST_MIGRATE_KILLS ?? '12',
    steps: [[...vitest, '--testTimeout=0', 'test/guarantees/g12-migrate']],
  },
  build: { NODE_ENV: 'production', steps: [[...turbo, 'build']] },
  packages: { NODE_ENV: 'production', steps: [[...turbo, 'build', 'pack:check']] },
}

const words = process.argv.slice(2)
const isPair = `${words[0]} ${words[1]}` in tasks
const [name, ...args] = isPair ? [`${words[0]} ${words[1]}`, ...words.slice(2)] : words
const task = tasks[name]
if (!task) {
  console.error(`node dev/run.mjs ${name ?? ''}: say one of ${Object.keys(tasks).join(', ')}`)
  process.exit(2)
}

const { steps, ...settings } = task
const env = { ...process.env, ...settings, TURBO_TELEMETRY_DISABLED: '1' }
let exitCode = isInstalled() ? 0 : await install()
for (const [index, step] of steps.entries()) {
  const isLast = index === steps.length - 1
  if (exitCode === 0) exitCode = await run(process.execPath, isLast ? [...step, ...args] : step)
}
process.exitCode = exitCode

function install() {
  console.error('Installing packages first (npm ci): about a minute, once.')
  return run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'])
}

/** npm writes its hidden lock file last: an installation that was interrupted has none. */
function isInstalled() {
  const installedAt = statSync(`${root}/node_modules/.package-lock.json`, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return installedAt >= statSync(`${root}/package-lock.json`).mtimeMs
}

/** Resolves to the exit code, 128 + n after signal n. Signals go on to the child, which decides when it is done. */
function run(command, args) {
  return new Promise((resolve) => {
    const shell = command === 'npm' && process.platform === 'win32'
    const child = spawn(command, args, { cwd: root, env, stdio: 'inherit', shell })
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    const passOn = (signal) => child.kill(signal)
    for (const signal of signals) process.on(signal, passOn)
    const end = (code) => {
      for (const signal of signals) process.off(signal, passOn)
      resolve(code)
    }
    child.once('error', (error) => {
      console.error(`${command} could not be started: ${error.message}`)
      end(1)
    })
    child.once('exit', (code, signal) => end(code ?? 128 + constants.signals[signal]))
  })
}
