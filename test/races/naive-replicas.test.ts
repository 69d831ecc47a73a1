import fc from 'fast-check'
import { expect, test } from 'vitest'
import { episodesWith, live, type Step } from './life-of-a-session.js'
import { type Flaw, NaiveReplicas } from './naive-replicas.js'
import { type Join, ReplicatedWorld } from './replicated-world.js'

const NAMES = ['primary', 'standby']
const RUNS = 500
const SEED = 1

/** What the schedules of `replicas.test.ts` find in a design. */
function schedule(does: readonly Step['does'][], flaw?: Flaw) {
  const join: Join = (stores) => new NaiveReplicas(Object.values(stores), flaw)
  return fc.check(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.boolean(), { maxLength: 20 }),
      episodesWith(does, NAMES.length),
      async (scheduler, ghosts, episodes) => {
        await live(new ReplicatedWorld(scheduler, ghosts, NAMES, join), NAMES, episodes)
      },
    ),
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  )
}

const updates = ['update', 'update', 'look'] as const
const stays = ['stay'] as const
const logouts = ['update', 'look', 'log out'] as const

const LOST = /stale|ArrayContaining/

test.each([
  ['updates', updates],
  ['logouts', logouts],
  ['those who stay', stays],
])('the schedules of %s find nothing in a plain design without a flaw', async (_, does) => {
  expect(await schedule(does)).toMatchObject({ failed: false, numRuns: RUNS })
})

test.each<[Flaw, readonly Step['does'][], RegExp]>([
  ['the higher revision wins', updates, LOST],
  ['the revision is the identity', updates, LOST],
  ['the first that answers is believed', updates, LOST],
  ['a miss is believed', updates, /a session is gone that nobody ended/],
  ['who failed is asked no more', updates, LOST],
  ['the end of a session is a removal', logouts, /it came back after the logout/],
  ['a deadline that one store missed is not repaired', stays, /copies that end at different times/],
])('they find it when %s', async (flaw, does, violation) => {
  const { failed, errorInstance } = await schedule(does, flaw)
  expect(failed).toBe(true)
  expect(String(errorInstance)).toMatch(violation)
})
