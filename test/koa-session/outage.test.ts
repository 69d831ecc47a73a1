import { faulty, type Fault, type FaultyStore } from '@holdfast/conformance'
import { createSessions, koaSessionStore } from '@holdfast/koa'
import { memoryStore } from '@holdfast/memory'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startCluster } from '../peer/cluster.js'
import { startRedis } from '../servers/redis.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import { Browser, HOUR, koaSessionApp, SECRET, serve, shop, type Visited } from './site.js'

/** A request has 250 ms for its read and 600 ms for its commit; a busy machine takes its time too. koa-redis takes 10 s. */
const MAY_TAKE_MS = 3 * 850

const hasRedis = (await requireServer('redis-server')) !== undefined

type Store = NonNullable<Parameters<typeof createSessions>[0]['store']>

async function browserOn(store: Store): Promise<Browser> {
  const sessions = createSessions({ secret: SECRET, store })
  onTestFinished(() => sessions.close())
  await sessions.ready()
  const app = koaSessionApp(shop, { store: koaSessionStore(sessions), maxAge: HOUR, rolling: true })
  app.silent = true
  const server = await serve(app)
  return new Browser(() => server)
}

async function timed(browser: Browser, path: string): Promise<Visited> {
  const start = performance.now()
  const answer = await browser.get(path)
  expect(performance.now() - start).toBeLessThan(MAY_TAKE_MS)
  return answer
}

const unavailable = {
  status: 503,
  headers: expect.objectContaining({ 'retry-after': '1' }),
  setCookies: [],
  broken: false,
}

/** A visitor with a session, a new one, and one without; then all is well again and the session is there. */
async function expectAnswersInTime(browser: Browser, undo: () => unknown): Promise<void> {
  const stranger = new Browser(browser.server)
  try {
    for (let i = 0; i < 3; i++) {
      expect(await timed(browser, '/show')).toMatchObject(unavailable)
      expect(await timed(browser, '/set?cart=rope')).toMatchObject(unavailable)
      expect(await timed(browser, '/logout')).toMatchObject(unavailable)
      expect(await timed(stranger, '/login')).toMatchObject(unavailable)
      expect(await timed(stranger, '/show')).toMatchObject({ status: 200 })
    }
  } finally {
    await undo()
  }
  await until('requests are served again', async () => (await browser.get('/show')).status === 200)
  expect(await browser.show()).toEqual({ user: 'ada', cart: 'kelp' })
}

describe('the store is away: 503 in time, nothing stored or sent, and nobody is logged out', () => {
  test.each<[string, Fault]>([
    ['refuses', { kind: 'throw' }],
    ['hangs', { kind: 'hang' }],
  ])('memory, as if it were a server that %s', async (_, fault) => {
    const store: FaultyStore = faulty(memoryStore())
    const browser = await browserOn(store)
    await browser.get('/login?cart=kelp')
    store.fault = fault
    await expectAnswersInTime(browser, () => (store.fault = undefined))
  })

  test('memory, a write alone that fails: the answer is no 200 and has no cookie', async () => {
    const store = faulty(memoryStore())
    const browser = await browserOn(store)
    await browser.get('/login?cart=kelp')
    store.fault = { kind: 'throw', on: 'write' }
    expect(await browser.get('/set?cart=rope')).toMatchObject(unavailable)
    expect(await browser.get('/logout')).toMatchObject(unavailable)
    store.fault = undefined
    await until('requests are served again', async () => (await browser.get('/show')).status === 200)
    expect(await browser.show()).toEqual({ user: 'ada', cart: 'kelp' })
  })

  test.skipIf(!hasRedis)('Redis hangs', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.stop())
    const browser = await browserOn(redis.url)
    await browser.get('/login?cart=kelp')
    redis.pause()
    await expectAnswersInTime(browser, () => redis.resume())
  })

  test('peers: one of three dies, and requests are served without it; a second one, and each is answered in time', async () => {
    const { nodes, stop } = await startCluster()
    onTestFinished(stop)
    const browser = await browserOn(nodes[0]!)
    await browser.get('/login?cart=kelp')
    await nodes[1]!.close()
    for (let i = 0; i < 3; i++) expect((await timed(browser, '/show')).page()).toEqual({ user: 'ada', cart: 'kelp' })
    await nodes[2]!.close()
    for (let i = 0; i < 3; i++) {
      const { status, page } = await timed(browser, '/show')
      if (status !== 503) expect(page()).toEqual({ user: 'ada', cart: 'kelp' })
    }
  })
})
