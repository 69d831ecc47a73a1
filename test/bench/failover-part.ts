import { fixtures } from './app.js'
import { startContestant } from './contestant.js'
import { report } from './report.js'
import { takeTurns, type Effort } from './rounds.js'

const CONNECTIONS = 64
const names = { plain: 'Holdfast on one Redis', failover: 'with a second as standby' }

/** What a standby costs: sessions in one Redis, and in two. */
export async function failoverPart(
  primary: string,
  standby: string,
  effort: Omit<Effort, 'connections'>,
): Promise<void> {
  console.log('Sessions in Redis on this machine, with a second Redis as standby.\n')
  for (const size of ['200B', '4KB'] as const) {
    const contestants = {
      plain: await startContestant(CONNECTIONS, 'express', 'holdfastOnRedis', size, primary),
      failover: await startContestant(CONNECTIONS, 'express', 'failover', size, primary, standby),
    }
    for (const [path, does] of [
      ['/read', 'a request that reads'],
      ['/write', 'a request that changes a field'],
    ] as const) {
      for (const connections of [1, CONNECTIONS]) {
        const measured = await takeTurns(contestants, path, { ...effort, connections })
        const title = `Express, ${fixtures[size].title}, ${does}, ${connections} at a time`
        console.log(report({ title, names, measured, comparisons: [['failover', 'plain']] }) + '\n')
      }
    }
    for (const contestant of Object.values(contestants)) contestant.stop()
  }
}
