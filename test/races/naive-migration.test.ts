import fc from 'fast-check'
import { expect, test } from 'vitest'
import { planOf, migrateAlive, type Step } from './life-in-a-migration.js'
import { MigratingWorld } from './migrating-world.js'
import { type Flaw, oneByOne } from './naive-migration.js'

/** Enough to find each of the flaws. */
const RUNS = 2_000
const RUNS_WITHOUT = 100
const SEED = 1

/** What the schedules of `migration.test.ts` find in a design. */
const schedule = (does: readonly Step['does'][], flaw?: Flaw) =>
  fc.check(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.boolean(), { maxLength: 20 }),
      planOf(does),
      async (scheduler, ghosts, plan) => {
        await migrateAlive(new MigratingWorld(scheduler, ghosts, oneByOne(flaw)), plan)
      },
    ),
    { numRuns: flaw ? RUNS : RUNS_WITHOUT, seed: SEED, endOnFailure: true },
  )

const updates = ['update', 'update', 'look'] as const
const logouts = ['update', 'look', 'log out'] as const

const LOST = /stale|lost|gone that nobody ended/

test.each([
  ['updates', updates],
  ['logouts', logouts],
])('the schedules of %s find nothing in a plain design without a flaw', async (_, does) => {
  const { failed, errorInstance } = await schedule(does)
  expect(errorInstance).toBeNull()
  expect(failed).toBe(false)
})

test.each<[Flaw, readonly Step['does'][], RegExp]>([
  ['the higher revision wins', updates, LOST],
  ['switch does not write the old store', updates, LOST],
  ['switch reads the old store alone', updates, LOST],
  ['drain reads the new store alone', updates, LOST],
  ['shadow and drain run side by side', updates, LOST],
  ['a store that does not answer has nothing', updates, LOST],
])('they find it when %s', async (flaw, does, violation) => {
  const { failed, errorInstance } = await schedule(does, flaw)
  expect(failed).toBe(true)
  expect(String(errorInstance)).toMatch(violation)
})
