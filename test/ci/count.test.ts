import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-count-'))
afterAll(() => rmSync(folder, { recursive: true }))

const script = fileURLToPath(new URL('../../.ci/count.mjs', import.meta.url))

/** What `.ci/run` says last, and its exit code, after a run whose files had tests with these states. */
function count(files: readonly (readonly string[])[] | 'no report', testsExit: number, checkExit: number) {
  const report = join(folder, 'report.json')
  const testResults = files === 'no report' ? [] : files.map(fileResult)
  writeFileSync(report, files === 'no report' ? '' : JSON.stringify({ testResults }))
  const output = join(folder, 'output.txt')
  writeFileSync(output, 'Unhandled Rejection\nError: nobody waited\n')
  const args = [script, report, String(testsExit), String(checkExit), output]
  const { status, stdout } = spawnSync(process.execPath, args)
  const lines = stdout.toString().trimEnd().split('\n')
  return { status, said: lines.slice(0, -1), line: lines.at(-1) }
}

const fileResult = (states: readonly string[]) => ({
  name: 'a.test.ts',
  status: states.length === 0 || states.includes('failed') ? 'failed' : 'passed',
  message: states.length === 0 ? 'SyntaxError: what?' : '',
  assertionResults: states.map((status) => ({
    fullName: `it is ${status}`,
    status,
    failureMessages: status === 'failed' ? ['Error: 1 is not 2'] : [],
  })),
})

describe('the count at the end of a CI run', () => {
  test('all green: counted, and a success', () => {
    expect(count([['passed', 'passed'], ['passed']], 0, 0)).toMatchObject({
      status: 0,
      line: '3 passed, 0 failed, 0 skipped',
    })
  })

  test('a skipped test is counted and is no failure', () => {
    const outcome = count([['passed', 'skipped', 'pending', 'todo']], 0, 0)
    expect(outcome).toMatchObject({ status: 0, line: '1 passed, 0 failed, 3 skipped' })
  })

  test('a failed test fails the run, and is named', () => {
    expect(count([['passed', 'failed']], 1, 0)).toEqual({
      status: 1,
      said: ['FAILED a.test.ts > it is failed', 'Error: 1 is not 2'],
      line: '1 passed, 1 failed, 0 skipped',
    })
  })

  test('a test file that does not load counts as failed, and is named', () => {
    expect(count([['passed'], []], 1, 0)).toEqual({
      status: 1,
      said: ['FAILED a.test.ts', 'SyntaxError: what?'],
      line: '1 passed, 1 failed, 0 skipped',
    })
  })

  test('the runner died without a report: not a success', () => {
    expect(count('no report', 137, 0)).toMatchObject({ status: 1, line: '0 passed, 1 failed, 0 skipped' })
  })

  test('an error outside of the tests fails the run although each test passed, and is printed again', () => {
    const { status, said, line } = count([['passed']], 1, 0)
    expect({ status, line }).toEqual({ status: 1, line: '1 passed, 1 failed, 0 skipped' })
    expect(said.slice(0, 2)).toEqual(['Unhandled Rejection', 'Error: nobody waited'])
  })

  test('a failed `npm run check` counts as failed', () => {
    expect(count([['passed']], 0, 2)).toMatchObject({ status: 1, line: '1 passed, 1 failed, 0 skipped' })
  })

  test('a run without any test is not a success', () => {
    expect(count([], 0, 0)).toMatchObject({ status: 1, line: '0 passed, 0 failed, 0 skipped' })
  })
})
