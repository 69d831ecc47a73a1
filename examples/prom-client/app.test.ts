import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { outcomes, typed } from '../../test/events/reference.js'
import { startNode, type Child } from '../../test/process.js'
import { startRedis, type RedisServer } from '../../test/servers/redis.js'
import { requireServer } from '../../test/servers/require-server.js'
import { until } from '../../test/servers/until.js'
import { Browser } from '../browser.js'

/** One line of what Prometheus is told. */
interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

class App {
  readonly #child: Child
  readonly #url: Promise<string>

  constructor(env: Readonly<Record<string, string>>) {
    this.#child = startNode('examples/prom-client/app.ts', { env })
    this.#url = this.#child.printed(/metrics: (\S+)/, 40_000).then(([, url = '']) => url)
    // Who scrapes gets the error.
    this.#url.catch(() => {})
  }

  async browser(): Promise<Browser> {
    return new Browser((await this.#child.printed(/app: (\S+)/, 40_000))[1] as string)
  }

  async scrape(): Promise<readonly Sample[]> {
    const text = await (await fetch(await this.#url)).text()
    return [...text.matchAll(/^(holdfast_\w+)\{(.*)\} (\S+)$/gm)].map(([, name = '', labels = '', value]) => ({
      name,
      labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, is]) => [label, is])),
      value: Number(value),
    }))
  }

  /** The sum over all that have these labels. */
  async count(name: string, labels: Readonly<Record<string, string>>): Promise<number> {
    const isAsked = (sample: Sample): boolean =>
      sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value)
    return (await this.scrape()).filter(isAsked).reduce((sum, { value }) => sum + value, 0)
  }

  stop(signal?: NodeJS.Signals) {
    return this.#child.stop(signal)
  }
}

const CALLS = 'holdfast_call_duration_seconds_count'
const SESSIONS = 'holdfast_session_events_total'
const STORES = 'holdfast_store_events_total'
const BREAKERS = 'holdfast_open_breakers'

const redisServer = await requireServer('redis-server')

describe.skipIf(redisServer === undefined)('what two processes with a standby tell Prometheus', () => {
  let stores: RedisServer[]
  let apps: readonly [App, App]
  let one: Browser
  let other: Browser
  beforeAll(async () => {
    stores = await Promise.all([startRedis(), startRedis()])
    const [SESSION_STORE = '', SESSION_FAILOVER = ''] = stores.map(({ url }) => url)
    const SESSION_SECRET = 'a secret for this test, 32 bytes or more'
    const ports = { PORT: '0', METRICS_PORT: '0' }
    const env = { NODE_ENV: 'development', ...ports, SESSION_SECRET, SESSION_STORE, SESSION_FAILOVER }
    apps = [new App(env), new App(env)]
    ;[one, other] = await Promise.all([apps[0].browser(), apps[1].browser()])
    await one.get('/')
    for (const [name, value] of one.cookies) other.cookies.set(name, value)
  })
  afterAll(async () => {
    await Promise.all(apps.map((app) => app.stop('SIGKILL')))
    await Promise.all(stores.map((store) => store.stop()))
  })

  test('calls by store, operation and outcome, and what happened to sessions', async () => {
    const [app] = apps
    for (let visit = 2; visit <= 5; visit++) expect(await one.get('/')).toEqual({ visits: visit })
    const count = (labels: Readonly<Record<string, string>>) => app.count(CALLS, { store: 'failover', ...labels })
    expect(await count({ operation: 'read', outcome: 'hit' })).toBe(4)
    expect(await count({ operation: 'write', outcome: 'written' })).toBe(5)
    expect(await count({ outcome: 'conflict' })).toBe(0)
    expect(await app.count('holdfast_call_duration_seconds_bucket', { store: 'failover', le: '+Inf' })).toBe(
      await count({}),
    )
    expect(await app.count('holdfast_call_duration_seconds_sum', { store: 'failover' })).toBeGreaterThan(0)
    expect(await app.count(SESSIONS, { type: 'created' })).toBe(1)

    one.cookies.set('sid', `${one.cookies.get('sid')}x`)
    await one.get('/')
    expect(await app.count(SESSIONS, { type: 'invalid-cookie' })).toBe(1)
    for (const [name, value] of other.cookies) one.cookies.set(name, value)

    await until('both processes write at once', async () => {
      await Promise.all([one, other].map((browser) => browser.get('/')))
      return (await count({ operation: 'write', outcome: 'conflict' })) > 0
    })
    expect(await app.count(SESSIONS, { type: 'conflict', detail: '' })).toBeGreaterThan(0)
  })

  test('a store that is away: one breaker is open and sessions are degraded, until it is back', async () => {
    const [app] = apps
    const [primary] = stores as [RedisServer, RedisServer]
    await primary.kill()
    await until('its breaker is open', async () => {
      expect(await one.get('/')).toEqual({ visits: expect.any(Number) as number })
      return (await app.count(BREAKERS, { store: 'redis' })) === 1
    })
    expect(await app.count(STORES, { store: 'failover', type: 'degraded', detail: 'write' })).toBeGreaterThan(0)
    expect(await app.count(CALLS, { store: 'redis', outcome: 'refused' })).toBeGreaterThan(0)
    expect(await app.count(CALLS, { store: 'failover', outcome: 'refused' })).toBe(0)
    await primary.restart()
    await until('it is closed', async () => {
      await one.get('/')
      return (await app.count(BREAKERS, { store: 'redis' })) === 0
    })
  })

  test('both stores away: calls to each are unavailable, and then refused', async () => {
    const [app] = apps
    for (const store of stores) store.pause()
    await until('some of each', async () => {
      expect(await one.get('/')).toBe(503)
      const count = (store: string, outcome: string) => app.count(CALLS, { store, operation: 'read', outcome })
      return (await count('redis', 'unavailable')) > 0 && (await count('redis', 'refused')) > 2
    })
    expect(await app.count(CALLS, { store: 'failover', outcome: 'unavailable' })).toBeGreaterThan(0)
    for (const store of stores) store.resume()
    await until('visitors are served', async () => (await one.get('/')) !== 503)
  })

  test('none of the labels is an id, a key or a cookie', async () => {
    const labels = (await Promise.all(apps.map((app) => app.scrape()))).flat().map((sample) => sample.labels)
    expect(labels.length).toBeGreaterThan(50)
    for (const [label, value] of labels.flatMap((all) => Object.entries(all))) {
      expect(['store', 'operation', 'outcome', 'type', 'detail', 'le']).toContain(label)
      expect(value).not.toMatch(/[\w-]{18,}/)
    }
  })

  test('each rule in alerts.yml is about labels that are there', async () => {
    const samples = (await Promise.all(apps.map((app) => app.scrape()))).flat()
    for (const [, name, matchers = ''] of exprs().matchAll(/(holdfast_\w+)(?:\{(.*?)\})?/g)) {
      const sample = samples.find((one) => one.name === name)
      for (const [, label = ''] of matchers.matchAll(/(\w+)=/g)) expect(sample?.labels).toHaveProperty(label)
    }
  })
})

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')

interface Rule {
  readonly alert: string
  readonly expr: string
}

function exprs(): string {
  const { groups } = parse(read('alerts.yml')) as { readonly groups: readonly { readonly rules: readonly Rule[] }[] }
  return groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)).join('\n')
}

const valuesOf = (label: string): readonly string[] =>
  [...exprs().matchAll(new RegExp(`\\b${label}=~?"([^"]*)"`, 'g'))].flatMap(([, values = '']) => values.split('|'))

test('alerts.yml has a rule for each event that the docs alert on, and for no other', () => {
  const page = read('../../docs/operating.md').split('## Every event')[0] ?? ''
  const rows = [...page.matchAll(/^\| +(.*?) \|/gm)].map(([, cell = '']) => cell)
  const named = rows.flatMap((cell) => [...cell.matchAll(/`([a-z-]+)`/g)].map(([, name = '']) => name))
  const events = named.filter((name) => name in typed())
  expect(events.length).toBeGreaterThan(15)
  // What ends an alarm is the other half of the gauge.
  const counted = [...valuesOf('type'), ...(exprs().includes(BREAKERS) ? ['breaker-opened', 'breaker-closed'] : [])]
  expect([...new Set(counted)].sort()).toEqual([...new Set(events)].sort())
  expect(outcomes.typed()).toEqual(expect.arrayContaining(valuesOf('outcome') as string[]))
})
