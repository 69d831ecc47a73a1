import fc from 'fast-check'
import { assertRecord, type CaseContext, type CaseGroup } from '../conformance-case.js'
import { createKey } from '../fixtures.js'
import { commands, type Session } from './commands.js'
import { StoreModel } from './store-model.js'

const DEFAULT_RUNS = 1_000
const MS_PER_RUN = 250

/** A whole number from the environment, so that any runner can pass it on. */
function fromEnvironment(name: 'HOLDFAST_RUNS' | 'HOLDFAST_SEED'): number | undefined {
  const text = process.env[name]
  if (text === undefined || text === '') return undefined
  if (!/^-?\d+$/.test(text)) throw new Error(`${name} is ${JSON.stringify(text)}. Use a whole number.`)
  return Number(text)
}

async function runModel({ store, now, pass }: CaseContext, withClock: boolean, runs: number): Promise<void> {
  const seed = fromEnvironment('HOLDFAST_SEED')
  const property = fc.asyncProperty(fc.commands(commands(withClock), { size: '+1' }), async (sequence) => {
    const model = new StoreModel()
    const session: Session = { store, now, pass, keys: [createKey(), createKey()], known: new Map() }
    await fc.asyncModelRun(() => ({ model, real: session }), sequence)
    for (const key of session.keys) assertRecord(await store.read(key), model.read(key, now()))
  })
  await fc.assert(property, { numRuns: runs, ...(seed !== undefined && { seed }) })
}

/**
 * Random sequences of calls, compared with a model of the contract step by step. `HOLDFAST_RUNS` sets how many (1,000);
 * a failure prints its seed and the shortest sequence that shows it, and `HOLDFAST_SEED` repeats it.
 */
export function modelCases(clock: 'injected' | 'real'): CaseGroup {
  const runs = fromEnvironment('HOLDFAST_RUNS') ?? DEFAULT_RUNS
  return {
    title: 'the model',
    cases: [
      {
        name: 'any sequence of calls does what the contract says',
        timeoutMs: 10_000 + runs * MS_PER_RUN,
        run: (context) => runModel(context, clock === 'injected', runs),
      },
    ],
  }
}
