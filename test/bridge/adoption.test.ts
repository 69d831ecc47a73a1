import { RedisStore } from 'connect-redis'
import session from 'express-session'
import { createClient } from 'redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { memoryStore } from '@holdfast/memory'
import { requireServer } from '../servers/require-server.js'
import { type RedisServer, startRedis } from '../servers/redis.js'
import { until } from '../servers/until.js'
import { type App, basicPages, type Browser, newBridgeStore, said, startApp, type TheirOptions } from './express-app.js'

const hasRedis = (await requireServer('redis-server')) !== undefined
const HOUR = 3_600_000

async function redisServer(): Promise<RedisServer> {
  const server = await startRedis()
  onTestFinished(() => server.stop())
  return server
}

/** What the app had: connect-redis 9 with node-redis 5. */
async function connectRedis(url: string): Promise<RedisStore> {
  const client = createClient({ url, socket: { reconnectStrategy: false } })
  // It emits the loss of its server, which some tests want.
  client.on('error', () => {})
  await client.connect()
  onTestFinished(() => client.destroy())
  return new RedisStore({ client })
}

/** Clicks on until it is told to stop; every click must find the login and the count of the one before. */
class Visitor {
  readonly #browser: Browser
  readonly #whereTo: () => App
  visits = 0
  readonly wrong: string[] = []

  constructor(browser: Browser, whereTo: () => App) {
    this.#browser = browser
    this.#whereTo = whereTo
  }

  async clickUntil(over: () => boolean): Promise<void> {
    while (!over()) {
      const app = this.#whereTo()
      const answer = await this.#browser.get('/visit', app)
      this.visits++
      if (answer.status !== 200 || said(answer) !== this.visits) this.wrong.push(`${answer.status}: ${answer.body}`)
      const reads = await Promise.all([this.#browser.get('/show', app), this.#browser.get('/show', app)])
      for (const read of reads) {
        if (JSON.stringify(said(read)) !== JSON.stringify({ user: 'ada', visits: this.visits }))
          this.wrong.push(`${read.status}: ${read.body}`)
      }
    }
  }
}

describe.skipIf(!hasRedis)('a database of connect-redis 9', () => {
  test.each([
    ['with maxAge', { cookie: { maxAge: HOUR } }],
    ['without maxAge, resave', { resave: true }],
  ] as [string, TheirOptions][])('is adopted under load, %s: nobody is logged out', async (_, options) => {
    const { url } = await redisServer()
    const old = await connectRedis(url)
    const before = await startApp(basicPages, { store: old, ...options })
    const [one, two] = await Promise.all(
      [1, 2].map(() => startApp(basicPages, { store: newBridgeStore({ store: url, adopt: old }), ...options })),
    )
    if (!one || !two) throw new Error('There are no apps.')

    let apps = [before]
    let click = 0
    const visitors = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const browser = before.browse()
        await browser.get('/login')
        return new Visitor(browser, () => apps[click++ % apps.length] as App)
      }),
    )
    const [goneBefore, leaver] = [before.browse(), before.browse()]
    for (const browser of [goneBefore, leaver]) await browser.get('/login')
    const { cookie } = goneBefore
    await goneBefore.get('/logout')

    let over = false
    const clicking = visitors.map((visitor) => visitor.clickUntil(() => over))
    await until('they have clicked', () => visitors.every(({ visits }) => visits > 2))
    apps = [one, two]
    const atSwitch = visitors.map(({ visits }) => visits)
    await until('they go on', () => visitors.every(({ visits }, i) => visits > (atSwitch[i] ?? 0) + 4))
    over = true
    await Promise.all(clicking)
    expect(visitors.flatMap(({ wrong }) => wrong)).toEqual([])

    goneBefore.cookie = cookie
    expect(said(await goneBefore.get('/show', two))).toEqual({})
    const copied = leaver.cookie
    await leaver.get('/logout', one)
    expect(await old.get(sidOf(copied))).toBeNull()
    for (const app of [one, two, before]) {
      leaver.cookie = copied
      expect(said(await leaver.get('/show', app))).toEqual({})
    }
  })

  test('whose sessions were touched for longer than their first maxAge is adopted too', async () => {
    const { url } = await redisServer()
    const old = await connectRedis(url)
    const cookie = new session.Cookie()
    cookie.originalMaxAge = HOUR
    // As it lies there after three hours of touches: the record lives on, the text is as at the login.
    Reflect.set(cookie, '_expires', new Date(Date.now() - 2 * HOUR))
    const stale = { cookie, user: 'ada' }
    const writing = new RedisStore({ client: old.client, ttl: 3_600 })
    await writing.client.set('sess:old-id', JSON.stringify(stale), { EX: 3_600 })
    const store = newBridgeStore({ store: memoryStore(), adopt: old })
    const found = await store.get('old-id')
    expect(found?.user).toBe('ada')
    expect(Date.parse(String(found?.cookie.expires)) - Date.now()).toBeGreaterThan(0.99 * HOUR)
  })

  test('all(), length() and clear() know what was not adopted yet', async () => {
    const { url } = await redisServer()
    const old = await connectRedis(url)
    for (const user of ['ada', 'bob', 'eve']) await old.set(user, { cookie: new session.Cookie(), user })
    const store = newBridgeStore({ store: memoryStore(), adopt: old })
    await store.get('ada')
    const all = await store.all()
    expect(all.map(({ user }) => user).sort()).toEqual(['ada', 'bob', 'eve'])
    for (const { id, user } of all) if (user === 'bob') await store.destroy(id)
    expect([await store.length(), await store.get('bob')]).toEqual([2, undefined])
    await store.clear()
    expect([await store.length(), await store.get('eve'), await old.length()]).toEqual([0, undefined, 0])
  })

  test('that is away is no logout: 503, and the session when it is back', async () => {
    const server = await redisServer()
    const old = await connectRedis(server.url)
    const before = await startApp(basicPages, { store: old })
    const browser = before.browse()
    await browser.get('/login')
    const app = await startApp(basicPages, { store: newBridgeStore({ store: memoryStore(), adopt: old }) })
    server.pause()
    expect((await browser.get('/show', app)).status).toBe(503)
    server.resume()
    await until('it is served', async () => (await browser.get('/show', app)).status === 200)
    expect(said(await browser.get('/show', app))).toEqual({ user: 'ada' })
  })
})

test('an old store in the memory of this process is adopted; one that cannot list says so', async () => {
  const old = new session.MemoryStore()
  const before = await startApp(basicPages, { store: old, cookie: { maxAge: HOUR } })
  const browser = before.browse()
  await browser.get('/login')
  const app = await startApp(basicPages, { store: newBridgeStore({ store: memoryStore(), adopt: old }) })
  expect(said(await browser.get('/visit', app))).toBe(1)

  const { get, destroy } = old
  const blind = newBridgeStore({ store: memoryStore(), adopt: { get: get.bind(old), destroy: destroy.bind(old) } })
  await expect(blind.all()).rejects.toThrow('has no all(), so its sessions are not known to this one')
  await expect(blind.clear()).rejects.toThrow('has no clear()')
})

const sidOf = (cookie: string): string => /s:([^.]+)\./.exec(decodeURIComponent(cookie))?.[1] ?? ''
