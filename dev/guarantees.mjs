// Writes docs/guarantees.json, which the guarantees page prints, from the tests in test/guarantees.
//
//   node dev/guarantees.mjs           runs them and writes the file; when one does not pass, it writes nothing and fails
//   node dev/guarantees.mjs --check   runs nothing; fails when the file does not name the tests that are there
//
// A title that begins with `G1` says what the tests under it prove; a title of a `describe` that ends with `on redis` says
// on which store (`memory` where nothing is said).
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = 'test/guarantees'
const page = join(root, 'docs/guarantees.json')
const isCheck = process.argv.includes('--check')

const found = existsSync(join(root, folder)) ? (isCheck ? listed() : ran()) : []
const guarantees = grouped(found)
if (isCheck) check()
else write()

/** Every test as `{ name }`: its titles from the outside in, joined by ` > `. */
function listed() {
  return vitest('list', 'list.json', (file) => [`--json=${file}`])
}

/** The same, with the state in which a test ended: passed, failed, skipped or pending. */
function ran() {
  const report = vitest('run', 'run.json', (file) => ['--reporter=json', `--outputFile=${file}`])
  return report.testResults.flatMap(({ assertionResults }) =>
    assertionResults.map(({ ancestorTitles, title, status }) => ({
      name: [...ancestorTitles, title].join(' > '),
      state: status,
    })),
  )
}

/** Runs vitest and reads the file that it wrote. A failing test is a non-zero exit too, but then the file is there. */
function vitest(command, name, flags) {
  const scratch = mkdtempSync(join(tmpdir(), 'holdfast-'))
  const file = join(scratch, name)
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('VITEST')))
  try {
    const args = ['node_modules/vitest/vitest.mjs', command, folder, '--project=whole', ...flags(file)]
    execFileSync(process.execPath, args, { cwd: root, env: { ...env, NODE_ENV: 'test' }, stdio: 'pipe' })
  } catch (error) {
    if (!existsSync(file)) throw error
  }
  const result = JSON.parse(readFileSync(file, 'utf8'))
  rmSync(scratch, { recursive: true })
  return result
}

/** `{ G1: [{ test, on }], … }`, in a stable order, so that a run that changes nothing changes no line. */
function grouped(tests) {
  const proofs = tests.flatMap(proofOf).sort(byIdAndText)
  const groups = {}
  for (const { id, ...proof } of proofs) (groups[id] ??= []).push(proof)
  return groups
}

function proofOf({ name }) {
  const titles = name.split(' > ')
  const id = firstMatch(titles, /^(G\d+)\b/)
  const on = firstMatch(titles.slice(0, -1), /\bon ([a-z-]+)$/) ?? 'memory'
  return id ? [{ id, test: titles.at(-1).replace(/^G\d+[:,]? */, ''), on }] : []
}

function firstMatch(titles, pattern) {
  return titles.map((title) => pattern.exec(title)?.[1]).find(Boolean)
}

function byIdAndText(a, b) {
  if (a.id !== b.id) return Number(a.id.slice(1)) - Number(b.id.slice(1))
  return `${a.on} ${a.test}` < `${b.on} ${b.test}` ? -1 : 1
}

function linesOf(groups) {
  return Object.entries(groups).flatMap(([id, proofs]) => proofs.map(({ test, on }) => `${id} on ${on}: ${test}`))
}

function write() {
  const failed = linesOf(grouped(found.filter(({ state }) => state !== 'passed')))
  if (failed.length > 0) {
    console.error(`docs/guarantees.json is as it was: these tests did not pass.\n${failed.join('\n')}`)
    process.exitCode = 1
    return
  }
  writeFileSync(page, `${JSON.stringify(guarantees, null, 2)}\n`)
  console.log(`docs/guarantees.json: ${Object.values(guarantees).flat().length} tests of ${folder}`)
}

function check() {
  const committed = linesOf(JSON.parse(readFileSync(page, 'utf8')))
  const there = linesOf(guarantees)
  // `vitest list` leaves out skipped tests: a store that this machine does not have is not judged.
  const stores = Object.values(guarantees).flatMap((proofs) => proofs.map(({ on }) => on))
  const isJudged = (line) => there.length === 0 || stores.some((store) => line.includes(` on ${store}: `))
  const differences = [
    ...there.filter((line) => !committed.includes(line)).map((line) => `missing: ${line}`),
    ...committed.filter((line) => isJudged(line) && !there.includes(line)).map((line) => `gone: ${line}`),
  ]
  if (differences.length === 0) return
  console.error(`docs/guarantees.json is out of date. Run: node dev/guarantees.mjs\n${differences.join('\n')}`)
  process.exitCode = 1
}
