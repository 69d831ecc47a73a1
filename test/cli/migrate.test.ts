import { createEngine, migrate, type MigrationPhase } from '@holdfast/core'
import { redisStore } from '@holdfast/redis'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { clientSettings } from '../guarantees/redis-stores.js'
import { requestWith } from '../races/request-with.js'
import { startRedis, type RedisServer } from '../servers/redis.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import { cli, parsed } from './cli.js'

const isMissing = (await requireServer('redis-server')) === undefined

describe.skipIf(isMissing)('holdfast migrate', () => {
  let redis: RedisServer
  let client: Redis
  beforeAll(async () => {
    redis = await startRedis()
    client = new Redis(redis.url, clientSettings)
  })
  afterAll(async () => {
    client?.disconnect()
    await redis?.stop()
  })
  afterEach(() => void vi.unstubAllEnvs())

  /** The URL of the new store and of the old one, and an app whose sessions move between them. */
  const move = (name: string) => {
    const [store, from] = [`${name}-new:`, `${name}-old:`]
    const app = (phase?: MigrationPhase) => {
      const [a, b] = [from, store].map((prefix) => redisStore({ client, prefix }))
      const moving = migrate({ from: a!, to: b!, phase, lookEvery: '100ms' })
      const engine = createEngine<{ n: number }>({ secret: 'a secret of at least thirty-two bytes', store: moving })
      onTestFinished(async () => {
        await engine.close()
        await moving.release()
      })
      return engine
    }
    return { store: `${redis.url}?prefix=${store}`, from: `${redis.url}?prefix=${from}`, app }
  }

  const followed = (store: string, phase: string): Promise<void> =>
    until(`all work in ${phase}`, async () => {
      const [status] = parsed(await cli('migrate', 'status', '--store', store, '--json'))
      const { nodes } = status as { nodes: { phases: string[] }[] }
      return nodes.length > 0 && nodes.every(({ phases }) => phases.join() === phase)
    })

  test('moves the sessions of an app step by step, and back, and shows how far it is', async () => {
    const { store, from, app } = move('whole')
    const engine = app()
    await engine.ready()
    const cookies: string[] = []
    for (let n = 0; n < 40; n++) cookies.push((await engine.create({ n })).cookie)
    await followed(store, 'off')
    vi.stubEnv('SESSION_STORE', store)

    expect(await cli('migrate', 'shadow')).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^phase +shadow, since /),
    })
    await followed(store, 'shadow')
    expect(await cli('migrate', 'off')).toMatchObject({ code: 0 })
    for (const phase of ['shadow', 'switch', 'drain']) {
      await until(`it is ${phase}`, async () => (await cli('migrate', phase)).code === 0)
      const left = parsed(await cli('migrate', 'status', '--from', from, '--json'))[0]
      if (phase === 'switch') expect(left).toMatchObject({ phase, inFrom: 40, onlyInFrom: 40 })
    }
    await until('all has been brought over', async () => (await cli('migrate', 'done')).code === 0)
    await followed(store, 'done')

    const { code, output } = await cli('migrate', 'status', '--from', from)
    expect(code).toBe(0)
    expect(output).toMatch(/^phase +done, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/m)
    expect(output).toMatch(/^sweep +of the old store: \d+ seen, 40 brought over, done at /m)
    expect(output).toMatch(/^old store +40 sessions and lists of users, of which the new one does not know 0$/m)
    expect(output).toMatch(/^PROCESS +PHASE +LAST SEEN \(UTC\) +COMPARED +DIFFERED +NOT COPIED$/m)
    expect(output).toMatch(/^\S+:\d+ +done +\d{4}-/m)
    expect(output).toMatch(/\nNext: deploy without migrateFrom/)
    for (const [n, cookie] of cookies.entries()) expect((await engine.read(requestWith(cookie)))?.n).toBe(n)
  })

  test('refuses two steps, and a step while a process has not taken the one before, and exits with 1', async () => {
    const { store, app } = move('refused')
    const both = await cli('migrate', 'switch', '--store', store)
    expect(both.code).toBe(1)
    expect(both.output).toMatch(/the phase is 'off', and 'switch' is not next to it\. Go one step at a time/)
    expect(parsed(await cli('migrate', 'drain', '--store', store, '--json'))[0]).toEqual({
      refused: expect.stringContaining('one step'),
    })

    // Two releases side by side.
    await app('off').ready()
    await app('shadow').ready()
    expect(await cli('migrate', 'shadow', '--store', store)).toMatchObject({ code: 0 })
    expect((await cli('migrate', 'status', '--store', store)).output).toContain('Not every process is in shadow yet')
    const early = await cli('migrate', 'switch', '--store', store)
    expect(early.code).toBe(1)
    expect(early.output).toMatch(/the process \S+:\d+ is in 'off' and not in 'shadow' yet/)
    expect(await cli('migrate', 'shadow', '--store', store)).toMatchObject({ code: 0 })
  })

  test('says that nobody takes part where nobody does', async () => {
    const { store } = move('nobody')
    const { code, output } = await cli('migrate', 'status', '--store', store)
    expect(code).toBe(0)
    expect(output).toContain('No process takes part.')
    expect(output).toContain('Next: migrate shadow')
  })

  test('says what to do instead where the phase is not reached from outside, and exits with 2', async () => {
    for (const url of ['peer://10.0.0.1:7946?peers=10.0.0.2:7946', 'memory:']) {
      const { code, output } = await cli('migrate', 'status', '--store', url)
      expect(code).toBe(2)
      expect(output).toMatch(/in the app's own processes.*moveMigration\(store, 'shadow'\)/)
    }
    const dead = await cli('migrate', 'shadow', '--store', 'nonsense')
    expect(dead).toMatchObject({ code: 2, output: expect.stringContaining('is not the URL of a store') })
  })
})
