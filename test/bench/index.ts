// npm run bench [-- --quick]: the server's CPU time per request with sessions in memory, beside other libraries.
import { availableParallelism } from 'node:os'
import { fixtures } from './app.js'
import { startContestant, type Contestant } from './contestant.js'
import { report, type Costs, type Section } from './report.js'

const quick = process.argv.includes('--quick')
const rounds = quick ? 3 : 7
const requests = quick ? 1_000 : 2_500
/** V8 optimises a server during its first thousands of requests. */
const warmUp = quick ? 3_000 : 8_000

const frameworks = [
  { framework: 'koa', title: 'Koa', library: 'koa-session' },
  { framework: 'express', title: 'Express', library: 'express-session' },
] as const
const sizes = [
  { size: '200B', expressBudget: 0.65 },
  { size: '4KB', expressBudget: 0.55 },
] as const
const kinds = [
  { path: '/read', does: 'reads' },
  { path: '/write', does: 'changes a field' },
] as const
const apps = ['bare', 'jsonOnce', 'library', 'holdfast'] as const

/** Apps take turns within each round, so that what else the machine does meets all of them alike. */
async function measure(contestants: Readonly<Record<keyof Costs, Contestant>>, path: string): Promise<Costs> {
  const costs = { bare: [] as number[], jsonOnce: [] as number[], library: [] as number[], holdfast: [] as number[] }
  for (const app of apps) await contestants[app].measure(path, warmUp)
  for (let round = 0; round < rounds; round++) {
    for (const app of apps) costs[app].push(await contestants[app].measure(path, requests))
  }
  return costs
}

console.log(
  `Server CPU time per request: median of ${rounds} rounds of ${requests} requests, ratios round by round.\n` +
    `Node ${process.version}, ${availableParallelism()} cores. Sessions on memory; an app with sessions also parses and checks a cookie.\n`,
)
for (const { framework, title, library } of frameworks) {
  for (const { size, expressBudget } of sizes) {
    const start = (app: string): Promise<Contestant> => startContestant([framework, app, size])
    const contestants = {
      bare: await start('bare'),
      jsonOnce: await start('jsonOnce'),
      library: await start('library'),
      holdfast: await start('holdfast'),
    }
    for (const { path, does } of kinds) {
      const budgets: Section['budgets'] =
        path === '/write' ? {} : framework === 'koa' ? { jsonOnce: 1.25 } : { jsonOnce: 1.25, library: expressBudget }
      const section = {
        title: `${title}, a session of ${fixtures[size].title}, a request that ${does}`,
        library,
        budgets,
      }
      console.log(report({ ...section, costs: await measure(contestants, path) }) + '\n')
    }
    for (const app of apps) contestants[app].stop()
  }
}
