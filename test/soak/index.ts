import { parseArgs } from 'node:util'
import { requireHazelcast } from '../servers/hazelcast-program.js'
import { soakHazelcast, type Soak } from './hazelcast.js'

// npm run soak -- hazelcast                 ten minutes
// npm run soak -- hazelcast --minutes 1     a first look: too short for a word on the heap

const MOST_GROWTH = 5
/** Budgets of a request, opening and commit, and what a busy machine may add. */
const LATE_MS = 850 + 1_000

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } })
const minutes = Number(values.minutes)
if (!Number.isInteger(minutes) || minutes < 1) {
  console.error(`--minutes is ${JSON.stringify(values.minutes)}. Use a whole number, 1 or more.`)
  process.exit(2)
}
if ((await requireHazelcast()) === undefined) process.exit(2)

const soak = await soakHazelcast(minutes, console.log)
const { requests, failed, worstWaitMs, loopDelayMs, rejections, kept, growth } = soak
console.log(`${requests} requests, failed ${JSON.stringify(failed)}, the longest took ${Math.round(worstWaitMs)} ms`)
console.log(`${kept.sessions} sessions with ${kept.changes} acknowledged changes, ${rejections} unhandled rejections`)
console.log(
  `lost logins ${kept.lost}, lost changes ${kept.missing}, undone logouts ${kept.returned}, stale ${kept.stale}`,
)
console.log(`an app stood still for at most ${Math.round(loopDelayMs)} ms`)
console.log(`heap: ${growth ? growth.map((percent) => `${percent.toFixed(1)} %`).join(' and ') : 'too short to tell'}`)

const broken = brokenBy(soak)
for (const what of broken) console.log(`BROKEN: ${what}`)
process.exitCode = broken.length > 0 ? 1 : 0

function brokenBy({ failed, worstWaitMs, loopDelayMs, rejections, kept, growth = [] }: Soak): readonly string[] {
  const { lost, missing, returned, stale } = kept
  const unexpected = Object.keys(failed).filter((status) => status !== '503')
  return [
    ...(lost + missing + returned + stale > 0 ? ['what was acknowledged is not what is there'] : []),
    ...(rejections > 0 ? ['there were unhandled rejections'] : []),
    ...unexpected.map((status) => `${failed[status]} requests ended with ${status}`),
    ...(worstWaitMs > LATE_MS + loopDelayMs ? [`a request took ${Math.round(worstWaitMs)} ms`] : []),
    ...growth.filter((percent) => !(percent < MOST_GROWTH)).map((percent) => `a heap grew by ${percent.toFixed(1)} %`),
  ]
}
