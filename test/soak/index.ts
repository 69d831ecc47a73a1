import { parseArgs } from 'node:util'
import { requireHazelcast } from '../servers/hazelcast-program.js'
import { requireServer } from '../servers/require-server.js'
import { hazelcastScene } from './hazelcast.js'
import { soak, type Soak } from './soak.js'
import { standbyScene } from './standby.js'

// npm run soak -- hazelcast                         ten minutes
// npm run soak -- standby                           thirty
// npm run soak -- standby --minutes 2 --seed 7      a first look: too short for a word on the heap

const MOST_GROWTH = 5
/** Budgets of a request, opening and commit, and what a busy machine may add. */
const LATE_MS = 850 + 1_000

/**
 * `refused`: the statuses with which a request may be told that nothing was done. `seesAll`: faults leave enough servers in
 * reach for each request to see what was acknowledged before.
 */
const scenes = {
  hazelcast: { minutes: 10, refused: ['503'], seesAll: true, program: requireHazelcast, start: hazelcastScene },
  standby: {
    minutes: 30,
    // While each call takes 100 ms, two requests that change one session may run out of rounds.
    refused: ['503', '409'],
    // A fault of both may leave a change on the one that the next request does not reach; it is there in the end.
    seesAll: false,
    program: () => requireServer('redis-server'),
    start: () => standbyScene(seed, console.log),
  },
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string' }, seed: { type: 'string' } },
})
const [name = ''] = positionals
if (!(name in scenes)) give(`${JSON.stringify(name)} is no soak. Say one of ${Object.keys(scenes).join(', ')}.`)
const scene = scenes[name as keyof typeof scenes]
const minutes = wholeNumber('minutes', 1) ?? scene.minutes
const seed = wholeNumber('seed', 0) ?? Date.now() % 1_000_000
if ((await scene.program()) === undefined) process.exit(2)

console.log(`${name}, ${minutes} min${name === 'standby' ? `, --seed ${seed}` : ''}`)
const result = await soak(scene.start, minutes, console.log)
const { requests, failed, worstWaitMs, loopDelayMs, rejections, kept, growth } = result
console.log(`${requests} requests, failed ${JSON.stringify(failed)}, the longest took ${Math.round(worstWaitMs)} ms`)
console.log(`${kept.sessions} sessions with ${kept.changes} acknowledged changes, ${rejections} unhandled rejections`)
console.log(
  `lost logins ${kept.lost}, lost changes ${kept.missing}, undone logouts ${kept.returned}, stale ${kept.stale}`,
)
console.log(`an app stood still for at most ${Math.round(loopDelayMs)} ms`)
console.log(`heap: ${growth ? growth.map((percent) => `${percent.toFixed(1)} %`).join(' and ') : 'too short to tell'}`)

const broken = brokenBy(result)
for (const what of broken) console.log(`BROKEN: ${what}`)
process.exitCode = broken.length > 0 ? 1 : 0

function brokenBy({ failed, worstWaitMs, loopDelayMs, rejections, kept, growth = [] }: Soak): readonly string[] {
  const { lost, missing, returned, stale } = kept
  const unexpected = Object.keys(failed).filter((status) => !scene.refused.includes(status))
  return [
    ...(lost + missing + returned + (scene.seesAll ? stale : 0) > 0
      ? ['what was acknowledged is not what is there']
      : []),
    ...(rejections > 0 ? ['there were unhandled rejections'] : []),
    ...unexpected.map((status) => `${failed[status]} requests ended with ${status}`),
    ...(worstWaitMs > LATE_MS + loopDelayMs ? [`a request took ${Math.round(worstWaitMs)} ms`] : []),
    ...growth.filter((percent) => !(percent < MOST_GROWTH)).map((percent) => `a heap grew by ${percent.toFixed(1)} %`),
  ]
}

function wholeNumber(option: 'minutes' | 'seed', least: number): number | undefined {
  const text = values[option]
  if (text === undefined) return undefined
  const number = Number(text)
  if (text === '' || !Number.isSafeInteger(number) || number < least)
    give(`--${option} is ${JSON.stringify(text)}. Use a whole number, ${least} or more.`)
  return number
}

function give(message: string): never {
  console.error(message)
  process.exit(2)
}
