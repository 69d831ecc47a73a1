import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, test } from 'vitest'
import { startNode, type Child } from '../process.js'
import { startRedis, type RedisServer } from '../servers/redis.js'
import { requireServer } from '../servers/require-server.js'
import { demoState, isAlive } from './demo-state.js'

/** A busy machine takes its time to start six processes. */
const patient = { timeout: 120_000 }
const redisServer = await requireServer('redis-server')

let demo: Child | undefined
let redis: RedisServer | undefined
afterEach(async () => {
  await demo?.stop('SIGKILL')
  await redis?.stop()
  demo = redis = undefined
})

/** Starts the demo with this environment and waits until its page answers. */
async function start(env: Readonly<Record<string, string | undefined>>): Promise<string> {
  demo = startNode('packages/cli/src/cli.ts', { args: ['demo', '--port', '0'], env, ownGroup: true })
  return (await demo.printed(/http:\/\/127\.0\.0\.1:\d+/, 60_000))[0]
}

const press = async (url: string, path: string): Promise<number> =>
  (await fetch(`${url}/demo/${path}`, { method: 'POST' })).status

describe.skipIf(redisServer === undefined)('the Redis of the demo', patient, () => {
  interface OwnRedis {
    readonly url: string
    readonly pid: number
    readonly folder: string
  }

  async function startWithRedis(): Promise<OwnRedis> {
    const url = await start({ REDIS_URL: undefined })
    expect(await press(url, 'choose/redis')).toBe(204)
    const { sessionServers, visitors } = await demoState(url)
    const [own] = sessionServers?.servers ?? []
    expect(visitors.map(({ login }) => login)).toEqual(Array(6).fill('in'))
    const client = new Redis(`redis://${own?.address}`)
    const [, folder = ''] = (await client.config('GET', 'dir')) as string[]
    client.disconnect()
    expect(await readdir(folder)).toEqual([])
    return { url, pid: own?.pid ?? 0, folder }
  }

  async function leavesNothing({ pid, folder }: OwnRedis): Promise<void> {
    await expect.poll(() => isAlive(pid) || existsSync(folder), { timeout: 10_000 }).toBe(false)
  }

  test.each(['SIGTERM', 'SIGKILL'] as const)('does not survive it: %s', async (signal) => {
    const running = await startWithRedis()
    expect(isAlive(running.pid)).toBe(true)
    process.kill(demo?.pid ?? 0, signal)
    await leavesNothing(running)
  })

  test.each([
    ['Ctrl-C', 'SIGINT', { code: 0, signal: null }],
    ['its end', 'SIGHUP', { code: null, signal: 'SIGHUP' }],
  ] as const)(
    'does not survive what a terminal sends to all of its processes, also while it is frozen: %s',
    async (_, signal, exit) => {
      const running = await startWithRedis()
      expect(await press(running.url, 'freeze/Redis')).toBe(204)
      expect(await press(running.url, 'freeze/Redis')).toBe(409)
      expect(await demo?.stop(signal)).toEqual(exit)
      await leavesNothing(running)
    },
  )
})

describe.skipIf(redisServer === undefined)('the Redis of REDIS_URL', patient, () => {
  test('is used under a prefix of its own, left alone, and its password never shown', async () => {
    redis = await startRedis({ password: 'hunter2' })
    const url = await start({ REDIS_URL: redis.url })
    expect(await press(url, 'choose/redis')).toBe(204)
    const state = await demoState(url)
    expect(state.visitors.map(({ login }) => login)).toEqual(Array(6).fill('in'))
    expect(state.sessionServers?.servers).toEqual([
      { name: 'Redis', status: 'given', address: `127.0.0.1:${redis.port}` },
    ])
    const keys = (await redis.command('KEYS', '*')) as string[]
    expect(keys.filter((key) => !key.startsWith('holdfast-demo:'))).toEqual([])
    expect(keys.length).toBeGreaterThanOrEqual(6)

    for (const action of ['kill/Redis', 'restart/Redis', 'freeze/Redis', 'thaw/Redis']) {
      expect(await press(url, action), action).toBe(409)
    }
    await demo?.stop('SIGINT')
    expect(await redis.command('PING')).toBe('PONG')
    expect(JSON.stringify(state) + demo?.output()).not.toContain('hunter2')
  })

  test('is out of reach: visitors get a 503, and are signed in when it answers', async () => {
    redis = await startRedis()
    await redis.kill()
    const url = await start({ REDIS_URL: redis.url })
    expect(await press(url, 'choose/redis')).toBe(204)
    expect((await demoState(url)).verdict.headline).toBe('Redis is out of reach.')
    await redis.start()
    await expect
      .poll(() => press(url, 'sign-in').then(() => demoState(url)), { timeout: 20_000 })
      .toMatchObject({ notice: 'All six visitors have just signed in.' })
  })
})

test('without a Redis the approach says what brings one, and the others are as ever', patient, async () => {
  const bin = await mkdtemp(join(tmpdir(), 'holdfast-demo-bin-'))
  await symlink(process.execPath, join(bin, 'node'))
  const url = await start({ REDIS_URL: undefined, PATH: bin })
  const state = await demoState(url)
  expect(state.approaches.map(({ id, isHere }) => [id, isHere])).toEqual([
    ['peer', true],
    ['round-robin', true],
    ['sticky-cookie', true],
    ['sticky-ip', true],
    ['redis', false],
  ])
  expect(state.approaches.at(-1)?.line).toContain('REDIS_URL')
  expect(state.visitors.map(({ login }) => login)).toEqual(Array(6).fill('in'))
  expect(await press(url, 'choose/redis')).toBe(409)
  expect(await press(url, 'choose/sticky-ip')).toBe(204)
  await rm(bin, { recursive: true })
})
