import { createKey, storeConformance } from '@holdfast/conformance'
import { isSessionGone, isStoreUnavailable, nearCache, type SessionStore } from '@holdfast/core'
import { redis } from '@holdfast/redis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type FaultProxy, faultProxy } from '../servers/fault-proxy.js'
import { requireServer } from '../servers/require-server.js'
import { type RedisServer, startRedis } from '../servers/redis.js'
import { startRedisCluster } from '../servers/redis-cluster.js'
import { until } from '../servers/until.js'
import { AppServer } from './nodes.js'

const program = await requireServer('redis-server')

/** So long that what is seen in time was reported. */
const LONG = { maxStaleMs: 60_000 }

interface Running {
  readonly server: RedisServer
  readonly one: AppServer
  readonly two: AppServer
  /** Between server two and Redis. */
  readonly proxy: FaultProxy
}

async function start(nearCacheOptions = LONG): Promise<Running> {
  const server = await startRedis()
  onTestFinished(() => server.stop())
  const proxy = await faultProxy(server)
  onTestFinished(() => proxy.close())
  const options = { nearCache: nearCacheOptions }
  const one = new AppServer(server.url, options)
  const two = new AppServer(`redis://${proxy.host}:${proxy.port}`, options)
  await Promise.all([one.sessions.ready(), two.sessions.ready()])
  return { server, one, two, proxy }
}

const sees = (server: AppServer, cookie: string, n: number | undefined) =>
  until(`${n} is seen`, async () => (await server.see(cookie))?.['n'] === n)

/** A session that server two has in its near cache, and hears of. */
async function seenByTwo({ one, two }: Running): Promise<string> {
  const { cookie } = await one.sessions.create({ n: 0 })
  expect(await two.see(cookie)).toEqual({ n: 0 })
  await one.change(cookie, (session) => void (session['n'] = 1))
  await sees(two, cookie, 1)
  return cookie
}

describe.skipIf(program === undefined)('near caches over Redis, which reports changes', () => {
  test('see what another server does long before maxStaleMs: changes, a logout', async () => {
    const running = await start()
    const { one, two } = running
    const cookie = await seenByTwo(running)
    for (const n of [2, 3, 4]) {
      await one.change(cookie, (session) => void (session['n'] = n))
      expect(await one.see(cookie)).toEqual({ n })
      await sees(two, cookie, n)
    }
    await one.request(cookie, (session) => session.destroy())
    await sees(two, cookie, undefined)
  })

  test('answer nothing old once a connection that broke is back', async () => {
    const running = await start()
    const { one, two, proxy } = running
    const cookie = await seenByTwo(running)
    proxy.refuse()
    proxy.reset()
    await one.change(cookie, (session) => void (session['n'] = 2))
    await until('two notices', () => two.see(cookie).then(() => false, isStoreUnavailable))
    await proxy.heal()
    await until('two is back', () => two.see(cookie).then(() => true))
    expect(await two.see(cookie)).toEqual({ n: 2 })
  })

  test('find out about a connection that died in silence', async () => {
    const running = await start()
    const { one, two, proxy } = running
    const cookie = await seenByTwo(running)
    proxy.drop({ established: true })
    await one.change(cookie, (session) => void (session['n'] = 2))
    await sees(two, cookie, 2)
  })

  test('know nothing more when Redis was started again, empty', async () => {
    const running = await start()
    const cookie = await seenByTwo(running)
    await running.server.restart()
    await sees(running.two, cookie, undefined)
    await sees(running.one, cookie, undefined)
  })

  test('lose no change of 200 concurrent requests to one session on two servers', async () => {
    const running = await start()
    const { one, two } = running
    const cookie = await seenByTwo(running)
    const names = Array.from({ length: 200 }, (_, n) => `f${n}`)
    const failed: unknown[] = []
    const requests = names.map((name, n) =>
      (n % 2 === 0 ? one : two)
        .change(cookie, (session) => void (session[name] = n))
        .catch((error: unknown) => failed.push({ name, error })),
    )
    await Promise.all(requests)
    expect(failed).toEqual([])
    await until('all are there', async () => Object.keys((await two.see(cookie)) ?? {}).length === 201)
  })

  test('let no request that is under way bring a session back that another server destroys', async () => {
    const running = await start()
    const { one, two } = running
    const cookies = await Promise.all(Array.from({ length: 20 }, () => seenByTwo(running)))
    await Promise.all(
      cookies.map(async (cookie) => {
        let destroyed = (): void => {}
        const whenDestroyed = new Promise<void>((resolve) => (destroyed = resolve))
        const late = two.change(cookie, async (session) => {
          await whenDestroyed
          session['late'] = true
        })
        await one.request(cookie, (session) => session.destroy())
        destroyed()
        await expect(late).rejects.toSatisfy(isSessionGone)
        expect(await two.see(cookie)).toBeUndefined()
      }),
    )
  })
})

describe.skipIf(program === undefined)('near caches over a Redis Cluster', () => {
  test('see what another server does long before maxStaleMs, on every master', async () => {
    const cluster = await startRedisCluster()
    onTestFinished(() => cluster.stop())
    const [one, two] = [
      new AppServer(cluster.url, { nearCache: LONG }),
      new AppServer(cluster.url, { nearCache: LONG }),
    ]
    await Promise.all([one.sessions.ready(), two.sessions.ready()])
    const cookies = await Promise.all(
      Array.from({ length: 30 }, async () => (await one.sessions.create({ n: 0 })).cookie),
    )
    for (const n of [1, 2]) {
      await Promise.all(cookies.map((cookie) => sees(two, cookie, n - 1)))
      await Promise.all(cookies.map((cookie) => one.change(cookie, (session) => void (session['n'] = n))))
    }
    await Promise.all(cookies.map((cookie) => sees(two, cookie, 2)))
    await Promise.all(cookies.map((cookie) => one.request(cookie, (session) => session.destroy())))
    await Promise.all(cookies.map((cookie) => sees(two, cookie, undefined)))
  })
})

/** The store of a URL, without its reports: as one that has none. */
function unreported(url: string): SessionStore {
  const store = redis.open(url, { clock: Date.now, idleMs: 1, absoluteMs: 1 }) as SessionStore
  onTestFinished(() => store.close())
  return {
    name: store.name,
    guarded: true,
    read: (...call) => store.read(...call),
    write: (...call) => store.write(...call),
    touch: (...call) => store.touch(...call),
    close: () => store.close(),
  }
}

describe.skipIf(program === undefined)('near caches over Redis, bounded by time alone', () => {
  test('never answer what is older than maxStaleMs: 30 changes and as many logouts on another server', async () => {
    const maxStaleMs = 100
    const server = await startRedis()
    onTestFinished(() => server.stop())
    const [one, two] = [0, 1].map(() => new AppServer(unreported(server.url), { nearCache: { maxStaleMs } })) as [
      AppServer,
      AppServer,
    ]
    await Promise.all([one.sessions.ready(), two.sessions.ready()])
    let old = 0
    let oldestMs = 0
    const lasts = async (cookie: string, isOld: (n: unknown) => boolean): Promise<void> => {
      const doneAt = performance.now()
      await until('it is seen', async () => {
        const askedAt = performance.now()
        if (!isOld((await two.see(cookie))?.['n'])) return true
        old++
        oldestMs = Math.max(oldestMs, askedAt - doneAt)
        return false
      })
    }
    await Promise.all(
      Array.from({ length: 30 }, async () => {
        const { cookie } = await one.sessions.create({ n: 1 })
        await two.see(cookie)
        await one.change(cookie, (session) => void (session['n'] = 2))
        await lasts(cookie, (n) => n === 1)
        await one.request(cookie, (session) => session.destroy())
        await lasts(cookie, (n) => n !== undefined)
      }),
    )
    expect(old).toBeGreaterThan(0)
    expect(oldestMs).toBeLessThanOrEqual(maxStaleMs)
  })
})

describe.skipIf(program === undefined)('a near cache over Redis keeps the contract of a store', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server?.stop())

  vi.stubEnv('HOLDFAST_RUNS', process.env['HOLDFAST_RUNS'] ?? '200')
  storeConformance({
    describe,
    test,
    async createStore({ clock }) {
      const store = nearCache(await redis.open(server.url, { clock, idleMs: 1, absoluteMs: 1 }), { ...LONG, clock })
      await until('the store answers', async () => (await store.read(createKey())) === undefined)
      return store
    },
  })
})
