import { freePort } from '../servers/free-port.js'
import { fixtures } from './app.js'
import { startContestant } from './contestant.js'
import { report } from './report.js'
import { takeTurns, type Effort } from './rounds.js'

const CONNECTIONS = 64
const names = {
  memory: 'Holdfast in memory',
  redis: 'one Redis',
  first: 'three peers, asked at the first in rank',
  last: 'three peers, asked at the last in rank',
}

/** CPU of a read at the first in rank, which asks nobody, against the memory of one process. */
const BUDGET = 1.15

/** Sessions among three app servers, beside one Redis and one process's own memory. */
export async function peerPart(redis: string, effort: Omit<Effort, 'connections'>): Promise<void> {
  console.log('Sessions in three app servers, in one Redis, and in the memory of one process, on this machine.\n')
  for (const size of ['200B', '4KB'] as const) {
    const start = (app: string, ...args: readonly string[]) =>
      startContestant(CONNECTIONS, 'express', app, size, ...args)
    const nodes = await Promise.all([0, 1, 2].map(async () => `127.0.0.1:${await freePort()}`))
    const [a = '', b = '', c = ''] = nodes
    const [first, last, third] = await Promise.all([
      start('firstAmongPeers', a, ...nodes),
      start('lastAmongPeers', b, ...nodes),
      start('firstAmongPeers', c, ...nodes),
    ])
    const contestants = { memory: await start('holdfast'), redis: await start('holdfastOnRedis', redis), first, last }
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
            path === '/read' ? ['first', 'memory', BUDGET] : ['first', 'memory'],
            ['first', 'redis'],
            ['last', 'redis'],
          ],
        })
        console.log(section + '\n')
      }
    }
    for (const contestant of [...Object.values(contestants), third]) contestant.stop()
  }
}
