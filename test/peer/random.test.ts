import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Scenario, World } from './scenario.js'
import { scenarios } from './scenarios.js'

/** The same runs for each change; others, as many as HOLDFAST_RUNS says. HOLDFAST_PEER_RUN repeats the one that failed. */
const { HOLDFAST_RUNS: asked, HOLDFAST_SEED: given } = process.env
const numRuns = Number(asked ?? 1_000)
const seed = Number(given ?? (asked === undefined ? 1 : Date.now() % 1_000_000_000))
const only = /^(\d+) (.+)$/.exec(process.env['HOLDFAST_PEER_RUN'] ?? '')
const kinds = Object.keys(scenarios)
console.info(`peer: ${only ? only[0] : `${numRuns} runs of ${kinds.length} kinds of faults, HOLDFAST_SEED=${seed}`}`)

/** What costs less is tried more often. */
const often = ([kind, { isCostly }]: readonly [string, Scenario]): readonly string[] =>
  Array<string>(isCostly ? 1 : 3).fill(kind)

test(
  'whatever fails, nothing is lost, nothing old is shown, and nobody is logged out or in again',
  async () => {
    const kind = only ? fc.constant(only[2] ?? '') : fc.constantFrom(...Object.entries(scenarios).flatMap(often))
    const run = only ? fc.constant(Number(only[1])) : fc.noShrink(fc.nat())
    await fc.assert(
      fc.asyncProperty(kind, run, async (name, number) => {
        const scenario = scenarios[name]
        if (!scenario) throw new Error(`There is no kind of fault '${name}'. Say one of: ${kinds.join(', ')}.`)
        expect(await new World(scenario, number).run(), `HOLDFAST_PEER_RUN='${number} ${name}' repeats it`).toEqual([])
      }),
      { numRuns: only ? 1 : numRuns, seed, endOnFailure: true },
    )
  },
  numRuns * 600,
)
