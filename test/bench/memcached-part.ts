import { fixtures } from './app.js'
import { startContestant } from './contestant.js'
import { report } from './report.js'
import { takeTurns, type Effort } from './rounds.js'

const CONNECTIONS = 64
const names = {
  library: 'express-session + connect-memcached',
  bare: 'no session',
  one: 'Holdfast',
  copied: 'Holdfast, 2 copies on 3 servers',
}

/** The least that Holdfast's req/s are of those of connect-memcached on one server, for reads with all connections. */
const AT_LEAST = { one: 2, copied: 1 }

/** Sessions in one Memcached on this machine, and in three. */
export async function memcachedPart(servers: readonly string[], effort: Omit<Effort, 'connections'>): Promise<void> {
  console.log('Sessions in Memcached on this machine.\n')
  for (const size of ['200B', '4KB'] as const) await compare(size, servers, effort)
}

async function compare(
  size: keyof typeof fixtures,
  servers: readonly string[],
  effort: Omit<Effort, 'connections'>,
): Promise<void> {
  const [server = ''] = servers
  const start = (app: string, ...urls: readonly string[]) => startContestant(CONNECTIONS, 'express', app, size, ...urls)
  const contestants = {
    library: await start('libraryOnMemcached', server),
    bare: await start('bare'),
    one: await start('holdfastOnMemcached', server),
    copied: await start('holdfastOnMemcached', ...servers),
  }
  for (const [path, does] of [
    ['/read', 'a request that reads'],
    ['/write', 'a request that changes a field'],
  ] as const) {
    for (const connections of [1, CONNECTIONS]) {
      const measured = await takeTurns(contestants, path, { ...effort, connections })
      const atLeast = path === '/read' && connections === CONNECTIONS ? AT_LEAST : undefined
      const section = report({
        title: `Express, ${fixtures[size].title}, ${does}, ${connections} at a time`,
        names,
        measured,
        comparisons: [
          ['one', 'library'],
          ['copied', 'library'],
          ['copied', 'one'],
        ],
        speeds: [
          ['bare', 'library'],
          ['one', 'library', atLeast?.one],
          ['copied', 'library', atLeast?.copied],
        ],
      })
      console.log(section + '\n')
    }
  }
  for (const contestant of Object.values(contestants)) contestant.stop()
}
