import fc from 'fast-check'
import { it } from 'vitest'
import { type Fate, fatesWith } from './simulated-store.js'
import { World } from './world.js'

/** More with HOLDFAST_RUNS; HOLDFAST_SEED repeats a run that failed. */
export const numRuns = Number(process.env['HOLDFAST_RUNS'] ?? 1_000)
export const seed = Number(process.env['HOLDFAST_SEED'] ?? Date.now() % 1_000_000_000)
console.info(`races: ${numRuns} runs each, HOLDFAST_SEED=${seed}`)

/**
 * Tries the scenario under many schedules, on servers without and, a quarter as often, with near caches; `faults` are what
 * may happen to a call to the store. `share`: of the runs that others have, for long ones.
 */
export function race<Plan>(
  name: string,
  {
    faults,
    plan,
    share = 1,
  }: { readonly faults: readonly Fate[]; readonly plan: fc.Arbitrary<Plan>; readonly share?: number },
  scenario: (world: World, plan: Plan) => Promise<void>,
): void {
  it.each([
    [name, false],
    [`${name}, also where servers have near caches`, true],
  ])(
    '%s',
    async (_, isNear) => {
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), fatesWith(faults), plan, async (scheduler, fates, planned) => {
          await scenario(new World(scheduler, fates, isNear), planned)
        }),
        { numRuns: Math.ceil(numRuns * share * (isNear ? 0.25 : 1)), seed },
      )
    },
    numRuns * 100,
  )
}
