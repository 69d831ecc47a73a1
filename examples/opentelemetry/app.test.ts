import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startNode, type Child } from '../../test/process.js'
import { startRedis, type RedisServer } from '../../test/servers/redis.js'
import { requireServer } from '../../test/servers/require-server.js'
import { until } from '../../test/servers/until.js'
import { Browser } from '../browser.js'
import { Collector } from './collector.js'

const redisServer = await requireServer('redis-server')

describe.skipIf(redisServer === undefined)('what a process exports', () => {
  let redis: RedisServer
  let collector: Collector
  let app: Child
  let browser: Browser
  beforeEach(async () => {
    ;[redis, collector] = await Promise.all([startRedis(), Collector.start()])
    const settings = { SESSION_SECRET: 'a secret for this test, 32 bytes or more', SESSION_STORE: redis.url }
    const exported = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_METRIC_EXPORT_INTERVAL: '100' }
    app = startNode('examples/opentelemetry/app.ts', {
      env: { NODE_ENV: 'development', PORT: '0', ...settings, ...exported },
    })
    const [address] = await app.printed(/http:\/\/localhost:\d+/, 40_000)
    browser = new Browser(address)
  })
  afterEach(async () => {
    await app.stop('SIGKILL')
    collector.stop()
    await redis.stop()
  })

  test('calls and events while Redis works, hangs and is back, the last of them on SIGTERM', async () => {
    const calls = (outcome: string) => collector.count('holdfast.call.duration', { store: 'redis', outcome })
    const breakers = () => collector.count('holdfast.breakers.open', { store: 'redis' })
    for (let visit = 1; visit <= 3; visit++) expect(await browser.get('/')).toEqual({ visits: visit })
    await until('they are exported', () => calls('written') === 3)
    expect(calls('hit')).toBe(2)
    expect(collector.count('holdfast.session.events', { type: 'created' })).toBe(1)

    redis.pause()
    await until('its breaker is open', async () => {
      expect(await browser.get('/')).toBe(503)
      return breakers() === 1 && calls('refused') > 0
    })
    expect(calls('unavailable')).toBeGreaterThan(2)
    expect(collector.count('holdfast.store.events', { type: 'timeout', operation: 'read' })).toBeGreaterThan(2)
    redis.resume()
    await until('visitors are served', async () => (await browser.get('/')) !== 503)
    await until('it is closed', () => breakers() === 0)

    const written = calls('written')
    expect(await browser.get('/')).toEqual({ visits: expect.any(Number) as number })
    expect(await app.stop('SIGTERM')).toEqual({ code: 0, signal: null })
    expect(calls('written')).toBeGreaterThan(written)

    const [call] = collector.points.filter(({ name }) => name === 'holdfast.call.duration')
    expect(call).toMatchObject({ unit: 's', bounds: expect.arrayContaining([0.0005, 0.25]) as number[] })
    for (const [key, value] of collector.points.flatMap(({ attributes }) => Object.entries(attributes))) {
      expect(['store', 'operation', 'outcome', 'type', 'code', 'reason', 'state']).toContain(key)
      // No id, key or cookie.
      expect(value).not.toMatch(/[\w-]{18,}/)
    }
  })
})
