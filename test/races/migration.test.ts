import fc from 'fast-check'
import { expect, it } from 'vitest'
import { planOf, migrateAlive } from './life-in-a-migration.js'
import { followers, MigratingWorld } from './migrating-world.js'
import { numRuns, seed } from './race.js'

/** Each run is a whole migration, of hundreds of calls. */
const runs = Math.ceil(numRuns / 25)
const reached = new Map<string, number>()

for (const [promise, does] of [
  ['nothing acknowledged is lost or stale', ['update', 'update', 'look', 'restart']],
  ['a logout stays a logout', ['update', 'look', 'log out', 'restart']],
] as const) {
  it(
    `while sessions move, forward and back, and any one store is cut off from some: ${promise}`,
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.scheduler(),
          fc.array(fc.boolean(), { maxLength: 20 }),
          planOf(does),
          async (scheduler, ghosts, plan) => {
            const world = new MigratingWorld(scheduler, ghosts, followers)
            await migrateAlive(world, plan)
            for (const phase of world.phases()) reached.set(String(phase), (reached.get(String(phase)) ?? 0) + 1)
          },
        ),
        { numRuns: runs, seed, endOnFailure: true },
      )
      if (runs >= 40) expect([...reached.keys()]).toEqual(expect.arrayContaining(['switch', 'drain', 'done']))
    },
    runs * 2_000,
  )
}
