import { fixtures } from './app.js'
import { startContestant } from './contestant.js'
import { report } from './report.js'
import { takeTurns, type Effort } from './rounds.js'

const CONNECTIONS = 64
const names = {
  redis: 'one Redis',
  hazelcast: 'three Hazelcast members',
  near: 'the same + near cache',
  clientNear: "the same + the client's near cache",
}

/** Sessions in Hazelcast, beside one Redis; and its client's own near cache beside ours. */
export async function hazelcastPart(
  hazelcast: string,
  redis: string,
  effort: Omit<Effort, 'connections'>,
): Promise<void> {
  console.log('Sessions in a Hazelcast cluster of three members, and in one Redis, on this machine.\n')
  for (const size of ['200B', '4KB'] as const) {
    const start = (app: string, url: string) => startContestant(CONNECTIONS, 'express', app, size, url)
    const contestants = {
      redis: await start('holdfastOnRedis', redis),
      hazelcast: await start('holdfastOnHazelcast', hazelcast),
      near: await start('nearHazelcast', hazelcast),
      clientNear: await start('clientNearHazelcast', hazelcast),
    }
    for (const [path, does] of [
      ['/read', 'a request that reads'],
      ['/write', 'a request that changes a field'],
    ] as const) {
      for (const connections of [1, CONNECTIONS]) {
        const measured = await takeTurns(contestants, path, { ...effort, connections })
        const section = report({
          title: `Express, ${fixtures[size].title}, ${does}, ${connections} at a time`,
          names,
          measured,
          comparisons: [
            ['hazelcast', 'redis'],
            ['near', 'hazelcast'],
            ['clientNear', 'near'],
          ],
        })
        console.log(section + '\n')
      }
    }
    for (const contestant of Object.values(contestants)) contestant.stop()
  }
}
