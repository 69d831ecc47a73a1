import { Redis } from 'ioredis'
import { fixtures } from './app.js'
import { startContestant, type Contestant } from './contestant.js'
import { commandsDuring, perRequest } from './redis-commands.js'
import { report } from './report.js'
import { takeTurns, type Effort } from './rounds.js'

/** What ARCHITECTURE, section 7, allows a request that only reads. */
const frameworks = {
  express: { title: 'Express', library: 'express-session + connect-redis', budgets: { '200B': 0.75, '4KB': 0.5 } },
  koa: { title: 'Koa', library: 'koa-session + koa-redis', budgets: { '200B': 0.7, '4KB': 0.7 } },
}
const FLOOR_BUDGET = 1.15
const NEAR_CACHE_BUDGET = 1.1
const CONNECTIONS = 64

const appNames = (library: string) => ({
  floor: 'made by hand',
  libraryOnRedis: library,
  holdfastOnRedis: 'Holdfast',
  nearCache: 'Holdfast + near cache',
  holdfast: 'Holdfast in memory',
})
type AppName = keyof ReturnType<typeof appNames>
type Contestants = Readonly<Record<AppName, Contestant>>

/** Sessions in one Redis on this machine. */
export async function redisPart(redisUrl: string, effort: Omit<Effort, 'connections'>): Promise<void> {
  const redis = new Redis(redisUrl)
  console.log(
    'Sessions in one Redis on this machine. "made by hand" is an HMAC in the cookie, one GET and JSON.parse.\n' +
      'Redis commands are those for one request, with those that a script calls.\n',
  )
  for (const framework of ['express', 'koa'] as const) {
    for (const size of ['200B', '4KB'] as const) await compare(framework, size, redis, redisUrl, effort)
  }
  redis.disconnect()
}

async function compare(
  framework: keyof typeof frameworks,
  size: keyof typeof fixtures,
  redis: Redis,
  redisUrl: string,
  effort: Omit<Effort, 'connections'>,
): Promise<void> {
  const { title, library, budgets } = frameworks[framework]
  const names = appNames(library)
  const contestants = {} as Record<AppName, Contestant>
  for (const app of Object.keys(names) as AppName[]) {
    contestants[app] = await startContestant(CONNECTIONS, framework, app, size, redisUrl)
  }
  const readBudgets = [
    ['holdfastOnRedis', 'floor', FLOOR_BUDGET],
    ['holdfastOnRedis', 'libraryOnRedis', budgets[size]],
    ['nearCache', 'holdfast', NEAR_CACHE_BUDGET],
  ] as const
  const writes = [
    ['holdfastOnRedis', 'floor'],
    ['holdfastOnRedis', 'libraryOnRedis'],
  ] as const
  for (const [path, does, comparisons] of [
    ['/read', 'a request that reads', readBudgets],
    ['/write', 'a request that changes a field', writes],
  ] as const) {
    const notes = await commandsOf(contestants, redis, path)
    for (const connections of [1, CONNECTIONS]) {
      const measured = await takeTurns(contestants, path, { ...effort, connections })
      const heading = `${title}, ${fixtures[size].title}, ${does}, ${connections} at a time`
      console.log(report({ title: heading, names, measured, comparisons, notes }) + '\n')
    }
  }
  for (const contestant of Object.values(contestants)) contestant.stop()
}

/** What Redis is asked for one request of each app. */
async function commandsOf(contestants: Contestants, redis: Redis, path: string): Promise<Record<AppName, string>> {
  const requests = CONNECTIONS * 20
  const notes = {} as Record<AppName, string>
  for (const app of Object.keys(contestants) as AppName[]) {
    // Once before it counts: a near cache is empty at first.
    await contestants[app].measure(path, CONNECTIONS, CONNECTIONS)
    const commands = await commandsDuring(redis, () => contestants[app].measure(path, requests, CONNECTIONS))
    notes[app] = perRequest(commands, requests)
  }
  return notes
}
