import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startNode, type Child } from '../../test/process.js'
import { startRedis, type RedisServer } from '../../test/servers/redis.js'
import { requireServer } from '../../test/servers/require-server.js'
import { Browser } from '../browser.js'

const redisServer = await requireServer('redis-server')

describe.skipIf(redisServer === undefined)('two processes that share a Redis', { timeout: 60_000 }, () => {
  let redis: RedisServer
  let first: Child
  let second: Child
  beforeEach(async () => {
    redis = await startRedis()
    const SESSION_SECRET = 'a secret for this test, 32 bytes or more'
    const env = { NODE_ENV: 'development', PORT: '0', SESSION_SECRET, SESSION_STORE: redis.url }
    first = startNode('examples/redis/app.ts', { env })
    second = startNode('examples/redis/app.ts', { env })
  })
  afterEach(async () => {
    await Promise.all([first.stop('SIGKILL'), second.stop('SIGKILL')])
    await redis.stop()
  })

  /** Browsers on the one and on the other with the same cookies, as one browser has them for all ports of a host. */
  async function openBoth(): Promise<readonly [Browser, Browser]> {
    const addresses = await Promise.all([first, second].map((child) => child.printed(/http:\/\/localhost:\d+/, 40_000)))
    const [one, other] = addresses.map(([address]) => new Browser(address)) as [Browser, Browser]
    await one.get('/')
    for (const [name, value] of one.cookies) other.cookies.set(name, value)
    return [one, other]
  }

  test('have one session, which outlives a process that is killed', async () => {
    const [one, other] = await openBoth()
    expect(await other.get('/')).toEqual({ visits: 2, answeredBy: second.pid })
    expect(await one.get('/')).toEqual({ visits: 3, answeredBy: first.pid })
    await first.stop('SIGKILL')
    expect(await other.get('/')).toEqual({ visits: 4, answeredBy: second.pid })
  })

  test('answer 503 while Redis hangs, and lose nothing', async () => {
    const [one, other] = await openBoth()
    redis.pause()
    expect([await one.get('/'), await other.get('/')]).toEqual([503, 503])
    redis.resume()
    const visits = async (): Promise<unknown> => ((await other.get('/')) as { visits?: number }).visits
    await expect.poll(visits, { timeout: 20_000 }).toBeGreaterThan(1)
  })

  test('end on SIGTERM, with nothing left open', async () => {
    await openBoth()
    expect(await first.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  })
})
