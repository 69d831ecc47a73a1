import type { Server } from 'node:http'
import { createSessions, koaSessionStore } from '@holdfast/koa'
import { memoryStore } from '@holdfast/memory'
import type { CreateSessionOptions } from 'koa-session'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { peers } from '../guarantees/peer-stores.js'
import { redisStores } from '../guarantees/redis-stores.js'
import type { StoreUnderTest } from '../guarantees/stores.js'
import { Gate } from '../hold/fake-target.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import { Browser, HOUR, koaSessionApp, SECRET, serve, shop, type Pages } from './site.js'

const memory: StoreUnderTest = {
  name: 'memory',
  pace: 'turns',
  reportsChanges: false,
  async open(clock) {
    const store = memoryStore({ clock })
    return { connect: () => store, close: () => store.close() }
  },
}
const hasRedis = (await requireServer('redis-server')) !== undefined
const redis = redisStores.filter(({ name }) => hasRedis && name === 'redis')

/** Requests that have their session and wait until all may go on. */
class Slow {
  readonly gate = new Gate()
  #waiting = 0

  async wait(): Promise<void> {
    this.#waiting++
    await this.gate.passed
  }

  async waiting(requests: number): Promise<void> {
    await until(`${requests} requests wait`, () => this.#waiting === requests)
  }
}

describe.each([memory, peers, ...redis].map((on) => [on.name, on] as const))('on %s', (_, on) => {
  beforeAll(() => on.start?.(), 60_000)
  afterAll(() => on.stop?.())

  /** Two app servers, each with a connection of its own; requests go to one after the other. */
  async function twoServers(options: CreateSessionOptions = {}): Promise<{ browser: Browser; slow: Slow }> {
    const slow = new Slow()
    const pages: Pages = {
      ...shop,
      async slow({ session, query }) {
        await slow.wait()
        Object.assign(session, query)
      },
      async save({ session, query }) {
        await slow.wait()
        Object.assign(session, query)
        await session.save()
      },
      regenerate: ({ session }) => session.regenerate(),
    }
    const shared = await on.open(Date.now)
    const servers: Server[] = []
    for (let i = 0; i < 2; i++) {
      const sessions = createSessions({ secret: SECRET, store: shared.connect() })
      await sessions.ready()
      onTestFinished(() => sessions.close())
      servers.push(await serve(koaSessionApp(pages, { store: koaSessionStore(sessions), maxAge: HOUR, ...options })))
    }
    onTestFinished(() => shared.close())
    let next = 0
    const browser = new Browser(() => servers[next++ % servers.length]!)
    expect((await browser.get('/login')).status).toBe(200)
    return { browser, slow }
  }

  /** Each from a browser of its own, which has the cookies of now. */
  const send = (browser: Browser, paths: readonly string[]) =>
    Promise.all(paths.map((path) => browser.copy().get(path)))

  test('50 requests at once that each set another field: all 50 are there', async () => {
    const { browser, slow } = await twoServers()
    const fields = Array.from({ length: 50 }, (_, i) => `field${i}`)
    const all = send(
      browser,
      fields.map((field) => `/slow?${field}=yes`),
    )
    await slow.waiting(50)
    slow.gate.open()
    expect((await all).map(({ status }) => status)).toEqual(fields.map(() => 200))
    expect(await browser.show()).toEqual({ user: 'ada', ...Object.fromEntries(fields.map((field) => [field, 'yes'])) })
  })

  test('with save(), rolling and readers beside them too', async () => {
    const { browser, slow } = await twoServers({ rolling: true })
    const numbers = Array.from({ length: 10 }, (_, i) => i)
    const all = send(
      browser,
      numbers.flatMap((i) => [`/slow?a${i}=1`, `/save?b${i}=1`, '/slow']),
    )
    await slow.waiting(30)
    slow.gate.open()
    expect((await all).map(({ status }) => status)).toEqual(numbers.flatMap(() => [200, 200, 200]))
    const fields = numbers.flatMap((i) => [`a${i}`, `b${i}`])
    expect(await browser.show()).toEqual({ user: 'ada', ...Object.fromEntries(fields.map((field) => [field, '1'])) })
  })

  test('a request that only reads does not take back what another stored', async () => {
    const { browser, slow } = await twoServers({ rolling: true })
    const reader = browser.copy().get('/slow')
    await slow.waiting(1)
    await browser.get('/set?cart=kelp')
    slow.gate.open()
    await reader
    expect(await browser.show()).toEqual({ user: 'ada', cart: 'kelp' })
  })

  test.each(['/slow?cart=kelp', '/save?cart=kelp', '/slow'])(
    'a logout beside a slow %s stays a logout, and the slow one is no error',
    async (path) => {
      const { browser, slow } = await twoServers({ rolling: true })
      const all = send(
        browser,
        Array.from({ length: 5 }, () => path),
      )
      await slow.waiting(5)
      const thief = browser.copy()
      await browser.get('/logout')
      slow.gate.open()
      expect((await all).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
      expect([await browser.show(), await thief.show(), await thief.show()]).toEqual([{}, {}, {}])
    },
  )

  test('a slow request does not bring back the key of before a regenerate()', async () => {
    const { browser, slow } = await twoServers()
    const old = browser.copy()
    const late = old.get('/slow?cart=kelp')
    await slow.waiting(1)
    await browser.get('/regenerate')
    slow.gate.open()
    expect((await late).status).toBe(200)
    expect(await old.show()).toEqual({})
    expect(await browser.show()).toEqual({ user: 'ada' })
  })
})
