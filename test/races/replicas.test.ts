import fc from 'fast-check'
import { describe, it } from 'vitest'
import { episodesWith, live } from './life-of-a-session.js'
import { numRuns, seed } from './race.js'
import { ReplicatedWorld } from './replicated-world.js'

const cutOff = 'while any one store is cut off, or comes back empty:'

for (const [title, names, promises] of [
  [
    'failover',
    ['primary', 'standby'],
    {
      [`${cutOff} nothing acknowledged is lost or stale`]: ['update', 'update', 'look'],
      [`${cutOff} a logout stays a logout`]: ['update', 'look', 'log out'],
      [`${cutOff} a deadline that one store missed is moved there too`]: ['stay'],
    },
  ],
  [
    'replicate, two copies on three stores',
    ['a', 'b', 'c'],
    {
      [`${cutOff} nothing acknowledged is lost or stale`]: ['update', 'update', 'look'],
      [`${cutOff} a logout stays a logout`]: ['update', 'look', 'log out'],
      'while the list of stores changes, in one app server after the other: the same': [
        ...(['update', 'look', 'log out', 'take the new list'] as const),
      ],
    },
  ],
] as const) {
  describe(title, () => {
    for (const [promise, does] of Object.entries(promises)) {
      it(
        promise,
        async () => {
          await fc.assert(
            fc.asyncProperty(
              fc.scheduler(),
              fc.array(fc.boolean(), { maxLength: 20 }),
              episodesWith(does, names.length),
              async (scheduler, ghosts, episodes) => {
                await live(new ReplicatedWorld(scheduler, ghosts, names), names, episodes)
              },
            ),
            { numRuns: numRuns, seed },
          )
        },
        numRuns * 100,
      )
    }
  })
}
