// npm run bench [-- --quick]: the server's CPU time per request with sessions in memory, beside other libraries.
import { availableParallelism } from 'node:os'
import { fixtures } from './app.js'
import { startContestant, type Contestant } from './contestant.js'
import { report, type Costs, type Section } from './report.js'

const quick = process.argv.includes('--quick')
const rounds = quick ? 3 : 7
const requests = quick ? 1_000 : 2_000
/** V8 optimises a server during its first thousands of requests. */
const warmUp = quick ? 3_000 : 6_000

const frameworks = {
  koa: { title: 'Koa', library: 'koa-session' },
  express: { title: 'Express', library: 'express-session' },
}

/** What ARCHITECTURE, section 7, allows a request that only reads. It sets no limit beside koa-session on memory. */
const budgets = {
  koa: { '200B': { jsonOnce: 1.25 }, '4KB': { jsonOnce: 1.25 } },
  express: { '200B': { jsonOnce: 1.25, library: 0.65 }, '4KB': { jsonOnce: 1.25, library: 0.55 } },
}

type Framework = keyof typeof frameworks
type Size = keyof typeof fixtures

console.log(
  `Server CPU time per request on Node ${process.version}, ${availableParallelism()} cores, sessions in memory.\n` +
    `Median of ${rounds} rounds of ${requests} requests; ratios are taken round by round.\n`,
)
for (const framework of ['koa', 'express'] as const) {
  for (const size of ['200B', '4KB'] as const) await compare(framework, size)
}

async function compare(framework: Framework, size: Size): Promise<void> {
  const { title, library } = frameworks[framework]
  const [bare, jsonOnce, others, holdfast] = await Promise.all([
    startContestant(framework, 'bare', size),
    startContestant(framework, 'jsonOnce', size),
    startContestant(framework, 'library', size),
    startContestant(framework, 'holdfast', size),
  ])
  const contestants = { bare, jsonOnce, library: others, holdfast }
  const print = async (path: string, does: string, limits: Section['budgets']): Promise<void> => {
    const costs = await measure(contestants, path)
    console.log(report({ title: `${title}, ${fixtures[size].title}, ${does}`, library, costs, budgets: limits }) + '\n')
  }
  await print('/read', 'a request that reads', budgets[framework][size])
  await print('/write', 'a request that changes a field', {})
  for (const contestant of Object.values(contestants)) contestant.stop()
}

/** The apps take turns within each round, so that whatever else the machine does meets all of them alike. */
async function measure(contestants: Readonly<Record<keyof Costs, Contestant>>, path: string): Promise<Costs> {
  const costs = { bare: [] as number[], jsonOnce: [] as number[], library: [] as number[], holdfast: [] as number[] }
  const apps = ['bare', 'jsonOnce', 'library', 'holdfast'] as const
  for (const app of apps) await contestants[app].measure(path, warmUp)
  for (let round = 0; round < rounds; round++) {
    for (const app of apps) costs[app].push(await contestants[app].measure(path, requests))
  }
  return costs
}
