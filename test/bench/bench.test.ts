import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fixtures } from './app.js'
import { startMemcached, type MemcachedServer } from '../servers/memcached.js'
import { startRedis, type RedisServer } from '../servers/redis.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import { expressApps } from './express-apps.js'
import { koaApps } from './koa-apps.js'
import { commandsDuring, perRequest } from './redis-commands.js'
import { report } from './report.js'
import { median, medianRatio } from './statistics.js'

test('the fixtures are as large as the budgets say', () => {
  expect(JSON.stringify(fixtures['200B'].data).length).toBeCloseTo(200, -1)
  const large = JSON.stringify(fixtures['4KB'].data).length
  expect(large).toBeGreaterThan(4_000)
  expect(large).toBeLessThan(4_500)
})

describe.skipIf(!(await requireServer('redis-server')))('with sessions in Redis', () => {
  let server: RedisServer
  let standby: RedisServer
  beforeAll(async () => void ([server, standby] = [await startRedis(), await startRedis()]))
  afterAll(() => Promise.all([server.stop(), standby.stop()]))

  test.each([
    ['the floor on Koa', koaApps.floor],
    ['koa-session and koa-redis', koaApps.libraryOnRedis],
    ['Holdfast on Koa', koaApps.holdfastOnRedis],
    ['Holdfast on Koa with a near cache', koaApps.nearCache],
    ['the floor on Express', expressApps.floor],
    ['express-session and connect-redis', expressApps.libraryOnRedis],
    ['Holdfast on Express', expressApps.holdfastOnRedis],
    ['Holdfast on Express with a near cache', expressApps.nearCache],
    ['Holdfast on Express with a standby', expressApps.failover],
  ])('%s keeps the session that is measured', (_name, app) =>
    keepsTheSession(app(fixtures['4KB'], server.url, standby.url)),
  )

  test.each([
    ['Koa', koaApps.holdfastOnRedis],
    ['Express', expressApps.holdfastOnRedis],
  ])('a request on %s that reads costs one GET and no write', async (_name, app) => {
    const redis = new Redis(server.url)
    await visit(app(fixtures['4KB'], server.url), async (ask) => {
      const commands = await commandsDuring(redis, async () => {
        for (let sent = 0; sent < 20; sent++) await ask('/read')
      })
      expect(commands.get('get')).toBe(20)
      expect([...commands.keys()].filter((name) => /eval|set|expire/.test(name))).toEqual([])
    })
    redis.disconnect()
  })
})

describe.skipIf(!(await requireServer('memcached')))('with sessions in Memcached', () => {
  let servers: readonly MemcachedServer[]
  beforeAll(async () => void (servers = [await startMemcached(), await startMemcached(), await startMemcached()]))
  afterAll(() => Promise.all(servers.map((server) => server.stop())))

  test.each([
    ['express-session and connect-memcached', expressApps.libraryOnMemcached, 1],
    ['Holdfast', expressApps.holdfastOnMemcached, 1],
    ['Holdfast with two copies on three servers', expressApps.holdfastOnMemcached, 3],
  ])('%s keeps the session that is measured', (_name, app, count) =>
    keepsTheSession(app(fixtures['4KB'], ...servers.slice(0, count).map(({ url }) => url))),
  )
})

/** One visitor of an app, who is logged in and keeps the cookies that are set. */
async function visit(
  listener: RequestListener,
  use: (ask: (path: string) => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  let cookie = ''
  const ask = async (path: string): Promise<unknown> => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`
    const answer = await fetch(url, { headers: { cookie } })
    const cookies = answer.headers.getSetCookie().map((line) => line.split(';', 1)[0])
    if (cookies.length > 0) cookie = cookies.join('; ')
    return answer.json()
  }
  try {
    await until('somebody can log in', async () => Boolean(await ask('/login')))
    await use(ask)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

/** Logs in, reads, and writes twice: what every app that is measured must do. */
const keepsTheSession = (listener: RequestListener): Promise<void> =>
  visit(listener, async (ask) => {
    expect(await ask('/read')).toEqual({ user: 'user-48213' })
    expect(await ask('/write')).toEqual({ visits: 1 })
    expect(await ask('/write')).toEqual({ visits: 2 })
  })

test.each([
  ['koa-session', koaApps.library],
  ['Holdfast on Koa', koaApps.holdfast],
  ['express-session', expressApps.library],
  ['Holdfast on Express', expressApps.holdfast],
])('%s keeps the session that is measured', (_name, app) => keepsTheSession(app(fixtures['4KB'], '')))

describe('the report', () => {
  const costs = (...cpu: number[]) =>
    cpu.map((cpuMicroseconds) => ({ cpuMicroseconds, requestsPerSecond: 5_000, p99Ms: 12.34, refused: 0 }))
  const section = {
    title: 'Express, 200 B',
    names: { floor: 'made by hand', library: 'express-session', holdfast: 'Holdfast' },
    measured: { floor: costs(110, 100, 120), library: costs(200, 200, 200), holdfast: costs(121, 130, 132) },
    comparisons: [
      ['holdfast', 'floor', 1.25],
      ['holdfast', 'library', 0.5],
      ['library', 'floor'],
    ],
    notes: { floor: '1 get', library: '1 get, 1 expire', holdfast: '1 get' },
  } as const

  test('says for each budget whether it was kept, or by how much it was missed', () => {
    const lines = report(section).split('\n')
    expect(lines).toContain('  Holdfast is 1.10 × made by hand, budget 1.25: within')
    expect(lines).toContain('  Holdfast is 0.65 × express-session, budget 0.5: over by 30 %')
    expect(lines).toContain('  express-session is 1.82 × made by hand')
  })

  test('says how much faster an app answers, and whether that is as much as is asked', () => {
    const rounds = (perSecond: number) => [{ cpuMicroseconds: 1, requestsPerSecond: perSecond, p99Ms: 1, refused: 0 }]
    const lines = report({
      title: 'Express, 200 B',
      names: { library: 'express-session', holdfast: 'Holdfast' },
      measured: { library: rounds(4_000), holdfast: rounds(6_000) },
      comparisons: [],
      speeds: [
        ['holdfast', 'library', 1.5],
        ['holdfast', 'library', 2],
        ['library', 'holdfast'],
      ],
    }).split('\n')
    expect(lines).toContain('  Holdfast answers 1.50 × the req/s of express-session, at least 1.5: kept')
    expect(lines).toContain('  Holdfast answers 1.50 × the req/s of express-session, at least 2: missed by 25 %')
    expect(lines).toContain('  express-session answers 0.67 × the req/s of Holdfast')
  })

  test('has a line for each app', () => {
    expect(report(section)).toContain(
      'Holdfast           130.0 µs   5,000 req/s  p99 12.3 ms   1.10 × made by hand   1 get',
    )
  })

  test('says how many requests were refused, where some were', () => {
    const holdfast = [...costs(121), { ...costs(130)[0]!, refused: 3 }]
    expect(report({ ...section, measured: { ...section.measured, holdfast } })).toContain('× made by hand, 3 × 503')
  })

  test('compares within a round, so that a slow round does not decide', () => {
    expect(medianRatio([10, 100, 10], [10, 100, 10])).toBe(1)
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 2, 3])).toBe(2.5)
  })

  test('tells the commands of one request, and none that came once in a while', () => {
    const commands = new Map([
      ['expire', 640],
      ['get', 640],
      ['ping', 1],
    ])
    expect(perRequest(commands, 640)).toBe('1 expire, 1 get')
    expect(perRequest(new Map(), 640)).toBe('none')
  })
})
