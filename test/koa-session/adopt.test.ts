// The switch of a running site from koa-redis 4 to the bridge: `adopt`.
import type { Server } from 'node:http'
import { createSessions, koaSessionStore, type KoaSessionStoreOptions } from '@holdfast/koa'
import { Redis } from 'ioredis'
import redisStore from 'koa-redis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { startRedis, type RedisServer } from '../servers/redis.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import {
  Browser,
  HOUR,
  koaSessionApp,
  MINUTE,
  oneServer,
  SECRET,
  serve,
  shop,
  type Data,
  type Pages,
  type Visited,
} from './site.js'

type OldStore = NonNullable<KoaSessionStoreOptions['adopt']>

/** A store of another library, with one session that its last save left `maxAge` from now. */
function oldStore(sessions: Record<string, Data>) {
  const stored = new Map(Object.entries(sessions))
  const calls = { get: 0, destroy: 0 }
  const adopt: OldStore = {
    get: async (key: string) => {
      calls.get++
      return structuredClone(stored.get(key)) ?? null
    },
    destroy: async (key: string) => {
      calls.destroy++
      stored.delete(key)
    },
  }
  return { stored, calls, adopt }
}

const cookie = (key: string) => [['koa.sess', key]] as const

describe('adopt', () => {
  const signed = false
  const inAnHour = () => ({ user: 'ada', _expire: Date.now() + HOUR, _maxAge: HOUR })

  test('a session of the old store goes on, to its own deadline, and is read there once', async () => {
    const old = oldStore({ k1: inAnHour() })
    const { browser, elapse } = await oneServer(shop, { adopt: old.adopt, signed, maxAge: 2 * HOUR })
    const visitor = new Browser(browser.server, cookie('k1'))
    expect(await visitor.show()).toEqual({ user: 'ada' })
    expect(await visitor.show()).toEqual({ user: 'ada' })
    expect(old.calls.get).toBe(1)
    expect(old.stored.has('k1')).toBe(true)
    elapse(59 * MINUTE)
    expect(await visitor.show()).toEqual({ user: 'ada' })
    elapse(2 * MINUTE)
    expect(await visitor.show()).toEqual({})
  })

  test('and with its own maxAge once it is saved', async () => {
    const old = oldStore({ k1: inAnHour() })
    const { browser, elapse } = await oneServer(shop, { adopt: old.adopt, signed, maxAge: 5 * HOUR })
    const visitor = new Browser(browser.server, cookie('k1'))
    elapse(50 * MINUTE)
    await visitor.get('/set?cart=kelp')
    elapse(50 * MINUTE)
    expect(await visitor.show()).toEqual({ user: 'ada', cart: 'kelp' })
    elapse(11 * MINUTE)
    expect(await visitor.show()).toEqual({})
  })

  test("'session': to the idle time from now", async () => {
    const old = oldStore({ k1: { user: 'ada', _session: true } })
    const { browser, elapse } = await oneServer(shop, { adopt: old.adopt, signed, sessions: { idle: '20m' } })
    const visitor = new Browser(browser.server, cookie('k1'))
    expect(await visitor.show()).toEqual({ user: 'ada' })
    elapse(19 * MINUTE)
    expect(await visitor.show()).toEqual({ user: 'ada' })
    elapse(21 * MINUTE)
    expect(await visitor.show()).toEqual({})
  })

  test('one that is over there is not taken along', async () => {
    const old = oldStore({ k1: { user: 'ada', _expire: Date.now() - 11_000, _maxAge: HOUR } })
    const { browser, below } = await oneServer(shop, { adopt: old.adopt, signed })
    expect(await new Browser(browser.server, cookie('k1')).show()).toEqual({})
    expect(below.calls.write).toBe(0)
  })

  test('a logout ends it in both, and what is left there never brings it back', async () => {
    const old = oldStore({ k1: inAnHour() })
    const { browser } = await oneServer(shop, { adopt: old.adopt, signed })
    const visitor = new Browser(browser.server, cookie('k1'))
    const thief = visitor.copy()
    await visitor.get('/logout')
    expect(old.stored.has('k1')).toBe(false)
    old.stored.set('k1', inAnHour())
    expect(await thief.show()).toEqual({})
  })

  test('a maxAge that is over ends it in both', async () => {
    const old = oldStore({ k1: inAnHour() })
    const over: Pages = { ...shop, over: ({ session }) => void (session.maxAge = -HOUR) }
    const { browser } = await oneServer(over, { adopt: old.adopt, signed })
    const visitor = new Browser(browser.server, cookie('k1'))
    const copy = visitor.copy()
    expect((await visitor.get('/over')).status).toBe(200)
    expect(old.stored.has('k1')).toBe(false)
    expect(await copy.show()).toEqual({})
  })

  test('20 requests at once adopt it once, and lose nothing', async () => {
    const old = oldStore({ k1: inAnHour() })
    const { browser } = await oneServer(shop, { adopt: old.adopt, signed })
    const visitor = new Browser(browser.server, cookie('k1'))
    const fields = Array.from({ length: 20 }, (_, i) => `f${i}`)
    await Promise.all(fields.map((field) => visitor.copy().get(`/set?${field}=1`)))
    expect(await visitor.show()).toEqual({ user: 'ada', ...Object.fromEntries(fields.map((field) => [field, '1'])) })
  })

  test.each([
    ['refuses', () => Promise.reject(new Error('ECONNREFUSED'))],
    ['hangs', () => new Promise(() => {})],
  ])('while the old store %s, who may have a session there gets 503, and nobody is logged out', async (_, answer) => {
    const old = oldStore({ k1: inAnHour() })
    const away = vi.spyOn(old.adopt, 'get').mockImplementation(answer)
    const { browser } = await oneServer(shop, { adopt: old.adopt, signed })
    const visitor = new Browser(browser.server, cookie('k1'))
    expect(await visitor.get('/show')).toMatchObject({ status: 503, headers: { 'retry-after': '1' }, setCookies: [] })
    expect((await browser.get('/login')).status).toBe(200)
    expect(await browser.show()).toEqual({ user: 'ada' })
    away.mockRestore()
    expect(await visitor.show()).toEqual({ user: 'ada' })
  })
})

describe.skipIf((await requireServer('redis-server')) === undefined)('a koa-redis 4 database under load', () => {
  let oldRedis: RedisServer
  let newRedis: RedisServer
  beforeAll(async () => {
    ;[oldRedis, newRedis] = await Promise.all([startRedis(), startRedis()])
  })
  afterAll(() => Promise.all([oldRedis.stop(), newRedis.stop()]))

  const prefix = 'koa:sess:'
  const options = { maxAge: HOUR, prefix }

  async function oldServer(): Promise<{ server: Server; store: ReturnType<typeof redisStore> }> {
    const store = redisStore({ url: oldRedis.url })
    store.on('error', () => {})
    onTestFinished(() => store.quit())
    return { store, server: await serve(koaSessionApp(shop, { store, ...options })) }
  }

  async function newServer(adopt: OldStore): Promise<Server> {
    const sessions = createSessions({ secret: SECRET, store: newRedis.url })
    onTestFinished(() => sessions.close())
    await sessions.ready()
    return await serve(koaSessionApp(shop, { store: koaSessionStore(sessions, { adopt }), ...options }))
  }

  /** Visitors that click on and on, each of them as soon as it has its answer. */
  class Load {
    readonly visitors: readonly Visitor[]
    readonly troubles: unknown[] = []
    #servers: Server[] = []
    #next = 0
    #working: Promise<unknown> | undefined
    #on = false

    constructor(readonly click: (visitor: Visitor, round: number) => Promise<void>) {
      const names = Array.from({ length: 20 }, (_, i) => `visitor${i}`)
      this.visitors = names.map((name) => new Visitor(name, () => this.#servers[this.#next++ % this.#servers.length]!))
    }

    async logIn(server: Server): Promise<void> {
      this.#servers = [server]
      await Promise.all(this.visitors.map((visitor) => visitor.logIn()))
    }

    start(servers: readonly Server[]): void {
      this.#servers = [...servers]
      this.#on = true
      this.#working = Promise.all(this.visitors.map((visitor) => this.#loop(visitor)))
    }

    /** Resolves when each visitor has had so many more answers. */
    async clicks(count: number): Promise<void> {
      const from = this.visitors.map(({ clicks }) => clicks)
      await until(`${count} more clicks of each`, () =>
        this.visitors.every(({ clicks }, i) => clicks - from[i]! >= count),
      )
    }

    replace(i: number, server: Server): void {
      this.#servers[i] = server
    }

    /** No request is under way any more. */
    async stop(): Promise<void> {
      this.#on = false
      await this.#working
    }

    async #loop(visitor: Visitor): Promise<void> {
      while (this.#on) {
        await this.click(visitor, visitor.clicks++).catch((error: unknown) => this.troubles.push(error))
      }
    }
  }

  class Visitor {
    readonly browser: Browser
    readonly acknowledged: Data = {}
    clicks = 0

    constructor(name: string, server: () => Server) {
      this.browser = new Browser(server)
      this.acknowledged['user'] = name
    }

    async logIn(): Promise<void> {
      await this.#get(`/login?user=${String(this.acknowledged['user'])}`)
    }

    async change(field: string): Promise<void> {
      await this.#get(`/set?${field}=1`)
      this.acknowledged[field] = '1'
    }

    async look(): Promise<void> {
      expect((await this.#get('/show')).page()).toEqual(this.acknowledged)
    }

    async #get(path: string): Promise<Visited> {
      const answer = await this.browser.get(path)
      expect(answer).toMatchObject({ status: 200 })
      return answer
    }
  }

  const keysOf = async ({ url }: RedisServer): Promise<string[]> => {
    const client = new Redis(url)
    const keys = await client.keys('*')
    client.disconnect()
    return keys
  }

  test('in one restart: nobody is logged out, no field is lost, and who logs out then is out', async () => {
    const old = await oldServer()
    const load = new Load((visitor, round) => (round % 2 === 0 ? visitor.look() : visitor.change(`field${round}`)))
    await load.logIn(old.server)
    load.start([old.server])
    await load.clicks(4)
    await load.stop()
    load.start([await newServer(old.store)])
    await load.clicks(6)
    await load.stop()
    expect(load.troubles).toEqual([])

    const thieves = load.visitors.map(({ browser }) => browser.copy())
    await Promise.all(load.visitors.map(({ browser }) => browser.get('/logout')))
    expect(await Promise.all(thieves.map((thief) => thief.show()))).toEqual(thieves.map(() => ({})))
    expect(await keysOf(oldRedis)).toEqual([])
    expect((await keysOf(newRedis)).filter((key) => key.includes(prefix))).toEqual([])
  })

  test('node by node, under load: who was logged in stays so, on old nodes and on new ones', async () => {
    const old = await oldServer()
    const load = new Load((visitor) => visitor.look())
    await load.logIn(old.server)
    load.start([old.server, old.server, old.server])
    for (let i = 0; i < 3; i++) {
      load.replace(i, await newServer(old.store))
      await load.clicks(4)
    }
    await load.stop()
    expect(load.troubles).toEqual([])
  })
})
