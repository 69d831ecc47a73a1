import { fixtures } from './app.js'
import { startContestant } from './contestant.js'
import { report } from './report.js'
import { takeTurns, type Effort } from './rounds.js'

/** What ARCHITECTURE, section 7, allows a request that only reads. It sets no limit beside koa-session on memory. */
const frameworks = {
  koa: { title: 'Koa', library: 'koa-session', budgets: { '200B': undefined, '4KB': undefined } },
  express: { title: 'Express', library: 'express-session', budgets: { '200B': 0.65, '4KB': 0.55 } },
}
const JSON_ONCE_BUDGET = 1.25
const CONNECTIONS = 10

/** Sessions in the memory of the app. */
export async function memoryPart(effort: Omit<Effort, 'connections'>): Promise<void> {
  console.log(`Sessions in memory, ${CONNECTIONS} connections.\n`)
  for (const framework of ['koa', 'express'] as const) {
    for (const size of ['200B', '4KB'] as const) await compare(framework, size, effort)
  }
}

async function compare(
  framework: keyof typeof frameworks,
  size: keyof typeof fixtures,
  effort: Omit<Effort, 'connections'>,
): Promise<void> {
  const { title, library, budgets } = frameworks[framework]
  const names = { bare: 'no session', jsonOnce: '+ JSON once', library, holdfast: 'Holdfast' }
  const start = (app: keyof typeof names) => startContestant(CONNECTIONS, framework, app, size)
  const contestants = {
    bare: await start('bare'),
    jsonOnce: await start('jsonOnce'),
    library: await start('library'),
    holdfast: await start('holdfast'),
  }
  for (const [path, does] of [
    ['/read', 'a request that reads'],
    ['/write', 'a request that changes a field'],
  ] as const) {
    const isRead = path === '/read'
    const measured = await takeTurns(contestants, path, { ...effort, connections: CONNECTIONS })
    const section = report({
      title: `${title}, ${fixtures[size].title}, ${does}`,
      names,
      measured,
      comparisons: [
        ['holdfast', 'jsonOnce', isRead ? JSON_ONCE_BUDGET : undefined],
        ['holdfast', 'library', isRead ? budgets[size] : undefined],
      ],
    })
    console.log(section + '\n')
  }
  for (const contestant of Object.values(contestants)) contestant.stop()
}
