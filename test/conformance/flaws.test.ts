import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { storeConformance, type StoreConformanceOptions } from '@holdfast/conformance'
import { conditionFlaws, flaws, hangFlaws, sharingFlaws, sizeFlaws, touchFlaws } from './flaws/index.js'
import { Backend, MapStore, MAX_RECORD_BYTES } from './map-store.js'

type Setup = Omit<StoreConformanceOptions, 'describe' | 'test'>

interface Case {
  readonly name: string
  readonly body: () => Promise<void>
}

function casesOf(setup: Setup): Case[] {
  const cases: Case[] = []
  let group = ''
  storeConformance({
    ...setup,
    describe: (name, body) => {
      group = name
      body()
    },
    test: (name, _, body) => cases.push({ name: `${group}: ${name}`, body }),
  })
  return cases
}

/** Runs the suite without a runner and returns the names of the cases that failed. */
async function failuresOf(setup: Setup): Promise<string[]> {
  const failed: string[] = []
  for (const { name, body } of casesOf(setup)) await body().catch(() => failed.push(name))
  return failed
}

test('a store without a flaw passes every case', async () => {
  expect(await failuresOf({ createStore: ({ clock }) => new MapStore(clock) })).toEqual([])
})

beforeEach(() => void vi.stubEnv('HOLDFAST_RUNS', '50'))
afterEach(() => void vi.unstubAllEnvs())

const groupsOf = (failures: readonly string[]) => failures.map((name) => name.slice(0, name.indexOf(': ')))

describe('the suite finds a store that', () => {
  test.each(flaws)('$what', async ({ Store, failsIn }) => {
    const failures = await failuresOf({ createStore: ({ clock }) => new Store(clock) })
    expect(groupsOf(failures)).toContain(failsIn)
  })

  test.each(hangFlaws)('$what', async ({ Store, failsIn }) => {
    const backend = new Backend()
    const hang = async () => {
      backend.hangs = true
      return async () => {
        backend.hangs = false
      }
    }
    const failures = await failuresOf({ createStore: ({ clock }) => new Store(clock, backend), hang })
    expect(groupsOf(failures)).toContain(failsIn)
  })

  test.each(sizeFlaws)('$what', async ({ Store, failsIn }) => {
    const failures = await failuresOf({
      createStore: ({ clock }) => new Store(clock),
      traits: { maxRecordBytes: MAX_RECORD_BYTES },
    })
    expect(groupsOf(failures)).toContain(failsIn)
  })

  test.each(sharingFlaws)('$what', async ({ Store, failsIn }) => {
    const backend = new Backend()
    const failures = await failuresOf({
      createStore: ({ clock }) => new Store(clock, backend),
      traits: { shared: true },
    })
    expect(groupsOf(failures)).toContain(failsIn)
  })
})

describe('the model alone', () => {
  const model = (setup: Setup) =>
    casesOf(setup)
      .find(({ name }) => name.startsWith('the model'))
      ?.body()

  beforeEach(() => void vi.stubEnv('HOLDFAST_RUNS', '1000').stubEnv('HOLDFAST_SEED', '20261124'))

  test.each([...conditionFlaws, ...touchFlaws])('finds that $what', async ({ Store }) => {
    await expect(model({ createStore: ({ clock }) => new Store(clock) })).rejects.toThrow(/seed: 20261124/)
  })

  test('needs no clock to be injected', async () => {
    await model({ createStore: () => new MapStore(Date.now), traits: { clock: 'real' } })
  })

  test('says that HOLDFAST_RUNS is not a number', () => {
    vi.stubEnv('HOLDFAST_RUNS', 'many')
    expect(() => casesOf({ createStore: () => new MapStore(Date.now) })).toThrow(/HOLDFAST_RUNS is "many"/)
  })
})

describe('a difference', () => {
  const CASE = "the condition 'absent': does not write over a tombstone: a destroyed session does not come back"
  const flawed = flaws.find(({ what }) => what === "'absent' writes over a tombstone")
  const differences = { [CASE]: 'this store forgets who was logged out' }

  test('that a store declares with its reason is no failure', async () => {
    const createStore: Setup['createStore'] = ({ clock }) => new (flawed?.Store ?? MapStore)(clock)
    expect(await failuresOf({ createStore })).toContain(CASE)
    expect((await failuresOf({ createStore, traits: { differences } })).join()).not.toContain('comes back')
  })

  test('that is gone fails, so that it is taken out', async () => {
    const failures = await failuresOf({ createStore: ({ clock }) => new MapStore(clock), traits: { differences } })
    expect(failures).toHaveLength(1)
    expect(failures[0]).toContain('this store forgets who was logged out')
  })

  test('with a name that no case has is refused', () => {
    const setup: Setup = { createStore: () => new MapStore(Date.now), traits: { differences: { nonsense: 'none' } } }
    expect(() => storeConformance({ describe, test, ...setup })).toThrow(/"nonsense"/)
  })
})
