import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { StoreEvent } from '@holdfast/core'
import { migrate, migrationStatus, moveMigration } from '@holdfast/core'
import { createSessions, type ExpressSessions } from '@holdfast/express'
import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import type { MoveSettings } from './fleet.js'
import { nameOf, type Pair, type Phase } from './pairs.js'
import { openStores } from './stores.js'

/**
 * An app process of the test of G12: Express, with sessions of its own for each pair of stores. It can be told to deploy
 * all of them in the next phase: new sessions are made, and the old ones are closed, as two releases of an app are.
 */
const settings = JSON.parse(process.env['APP_MOVES'] as string) as MoveSettings
const startPhase = process.env['APP_PHASE'] as Phase | undefined

/** What is left behind in a store that lists no keys is over so long after the last process left `shadow`. */
const ABSOLUTE = '4s'
const LOOK_EVERY = '500ms'

type Sessions = ExpressSessions<Record<string, unknown>>
/** What serves a pair until the next deployment. */
class Release {
  readonly #app: Express
  readonly #close: () => Promise<void>
  #busy = 0
  #idle = (): void => {}

  constructor(sessions: Sessions, close: () => Promise<void>) {
    this.#app = shopOf(sessions)
    this.#close = close
  }

  serve(req: Request<{ pair: string }>, res: Response): void {
    this.#busy++
    res.once('close', () => {
      if (--this.#busy === 0) this.#idle()
    })
    this.#app(req as unknown as Request, res)
  }

  /** Once it serves nobody any more. */
  async end(): Promise<void> {
    if (this.#busy > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    await this.#close()
  }
}

function shopOf(sessions: Sessions): Express {
  /** Who has no login is told so, and nothing is stored for them. */
  const loggedIn = (req: Request, res: Response, next: () => void): void => {
    if (sessions.of(req)['userId'] === undefined) res.status(401).end()
    else next()
  }
  return express()
    .use(sessions)
    .use((req, _res, next) => served.run(sessions.of(req).id, next))
    .get('/login', async (req, res) => {
      const session = sessions.of(req)
      session['userId'] = req.query['user']
      // Each login is a user of its own: the list of their sessions has one.
      await session.bindUser(session.id)
      res.end(session.id)
    })
    .get('/logout', async (req, res) => {
      await sessions.of(req).destroy()
      res.end()
    })
    .get('/add', loggedIn, (req, res) => {
      sessions.of(req)[req.query['field'] as string] = 1
      res.end()
    })
    .get('/show', loggedIn, (req, res) => {
      res.json(sessions.of(req))
    })
    .get('/listed', async (req, res) => {
      res.json((await sessions.listByUser(req.query['user'] as string)).length)
    })
}

/** The id of the session of the request that is being served. */
const served = new AsyncLocalStorage<string>()
const events: Record<string, number> = {}
const rejections: string[] = []
process.on('unhandledRejection', (reason) => rejections.push(String(reason)))
for (const name of ['holdfast:session', 'holdfast:store'])
  subscribe(name, (message) => {
    const { type, ...event } = message as StoreEvent
    events[type] = (events[type] ?? 0) + 1
    const id = served.getStore()
    // Whoever reads the output has it even if this process is killed in the next moment.
    if (type === 'degraded' && 'operation' in event && event.operation === 'write' && id !== undefined)
      console.log(`degraded ${id} ${Date.now()}`)
  })

const stores = await openStores(settings)
const targets = new Map(settings.pairs.map((pair) => [nameOf(pair), stores.store(pair.to, pair)]))
const sources = new Map(settings.pairs.map((pair) => [nameOf(pair), stores.store(pair.from, pair)]))
const releases = new Map<string, Release>()

/** Resolves when the new release serves and the old one is closed. */
async function deploy(pair: Pair, phase: Phase | undefined): Promise<void> {
  const name = nameOf(pair)
  const store = migrate({
    ...{ from: sources.get(name)!, to: targets.get(name)!, absolute: ABSOLUTE, lookEvery: LOOK_EVERY },
    ...(phase && { phase }),
  })
  const sessions = createSessions<Record<string, unknown>>({
    secret: settings.secret,
    store,
    cookie: { secure: false },
  })
  const close = async (): Promise<void> => {
    await sessions.close()
    await store.release()
  }
  try {
    await sessions.ready()
  } catch (error) {
    await close()
    throw error
  }
  const old = releases.get(name)
  releases.set(name, new Release(sessions, close))
  await old?.end()
}

const app = express()
app.get('/deploy', async (req, res) => {
  const { phase } = req.query as { readonly phase: Phase }
  await Promise.all(settings.pairs.map((pair) => deploy(pair, phase)))
  res.json(true)
})
/** By the record, which this process follows; again where it is there already, it changes nothing. */
app.get('/move', async (req, res) => {
  const { phase } = req.query as { readonly phase: Phase }
  await Promise.all([...targets.values()].map((to) => moveMigration(to, phase)))
  res.json(true)
})
app.get('/status', async (_req, res) => {
  const all = [...targets].map(async ([name, to]) => [name, await migrationStatus(to)] as const)
  res.json(Object.fromEntries(await Promise.all(all)))
})
app.get('/settled', async (_req, res) => {
  const nodes = await Promise.all(stores.nodes.map((node) => node.status()))
  res.json(nodes.every(({ isFull, isSettled }) => isFull && isSettled))
})
app.get('/report', (_req, res) => {
  res.json({ events, rejections })
})

app.use('/on/:pair', (req: Request<{ pair: string }>, res) =>
  (releases.get(req.params.pair) as Release).serve(req, res),
)

// Whoever runs the test reads why it was not done.
app.use((error: Error, _req: Request, res: Response, _next: NextFunction) => {
  res.status(500).end(error.stack)
})

const server = createServer({ keepAliveTimeout: 60_000 }, app)
await Promise.all(settings.pairs.map((pair) => deploy(pair, startPhase)))
server.listen(0, '127.0.0.1')
await once(server, 'listening')
console.log(`listening on ${(server.address() as AddressInfo).port}`)
