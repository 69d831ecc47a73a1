import fc from 'fast-check'
import { expect, test } from 'vitest'
import { World } from './scenario.js'
import { scenarios } from './scenarios.js'

/** More with HOLDFAST_RUNS; HOLDFAST_SEED repeats the whole, HOLDFAST_PEER_RUN the one that failed. */
const numRuns = Number(process.env['HOLDFAST_RUNS'] ?? 1_000)
const seed = Number(process.env['HOLDFAST_SEED'] ?? Date.now() % 1_000_000_000)
const only = /^(\d+) (.+)$/.exec(process.env['HOLDFAST_PEER_RUN'] ?? '')
const kinds = Object.keys(scenarios)
console.info(`peer: ${only ? only[0] : `${numRuns} runs of ${kinds.length} kinds of faults, HOLDFAST_SEED=${seed}`}`)

test(
  'whatever fails, nothing is lost, nothing old is shown, and nobody is logged out or in again',
  async () => {
    const kind = only ? fc.constant(only[2] ?? '') : fc.constantFrom(...kinds)
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
