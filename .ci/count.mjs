// node .ci/count.mjs <vitest's JSON report> <exit code of the tests> <exit code of the check> <output of the tests>
import { readFileSync } from 'node:fs'

const [reportFile, testsExit, checkExit, outputFile] = process.argv.slice(2)
const report = readReport(reportFile)
const { passed, failed, skipped } = count(report)
for (const failure of failures(report)) console.log(failure)

// A run that died, or failed outside of a test, has to show as a failure although no test of it failed.
const unseen = Number(testsExit) !== 0 && failed === 0 ? 1 : 0
if (unseen) {
  console.log(lastLines(readFileSync(outputFile, 'utf8')))
  console.log(`npm test failed outside of its tests (exit code ${testsExit}): see above how its output ends`)
}
const unchecked = Number(checkExit) !== 0 ? 1 : 0
if (unchecked) console.log(`npm run check failed (exit code ${checkExit})`)

const allFailed = failed + unseen + unchecked
console.log(`${passed} passed, ${allFailed} failed, ${skipped} skipped`)
process.exitCode = allFailed > 0 || passed === 0 ? 1 : 0

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return { testResults: [] }
  }
}

/** What failed and why, again: the check's output stands between the tests' own report and the end of the log. */
function failures(report) {
  return report.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const tests = assertionResults.filter((test) => test.status === 'failed')
    if (status === 'failed' && tests.length === 0) return [`FAILED ${name}\n${firstLines(message)}`]
    return tests.map(
      ({ fullName, failureMessages }) => `FAILED ${name} > ${fullName}\n${firstLines(failureMessages?.join('\n'))}`,
    )
  })
}

function firstLines(text = '') {
  return text.split('\n').slice(0, 12).join('\n')
}

/** Vitest's report lacks the errors that no test was waiting for; they are the last that it prints. */
function lastLines(text) {
  return text.trimEnd().split('\n').slice(-80).join('\n')
}

/** A file that could not be loaded has no tests, and counts as one failed test. */
function count(report) {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const file of report.testResults) {
    if (file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed')) counts.failed++
    for (const { status } of file.assertionResults) counts[status in counts ? status : 'skipped']++
  }
  return counts
}
