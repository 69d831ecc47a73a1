import type { SessionStore } from '@holdfast/core'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { startRedis, type StartRedisOptions } from '../servers/redis.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'

const program = await requireServer('redis-server')

/** A store of a fresh copy of the packages, as a warning comes once in a process, and what it has warned about. */
async function opened(options: StartRedisOptions, clock: () => number = Date.now, url = (own: string): string => own) {
  const server = await startRedis(options)
  onTestFinished(() => server.stop())
  vi.resetModules()
  const messages: string[] = []
  const listen = (warning: Error & { code?: string }): void => void messages.push(`${warning.code}: ${warning.message}`)
  process.on('warning', listen)
  onTestFinished(() => void process.off('warning', listen))
  const { redis } = await import('@holdfast/redis')
  const store = redis.open(url(`${server.url}?deadline=5000`), { clock, idleMs: 1, absoluteMs: 1 }) as SessionStore
  onTestFinished(() => store.close())
  await store.read('a')
  return { server, store, messages }
}

afterEach(() => void vi.resetModules())

describe.skipIf(program === undefined)('what a server may lose sessions by', () => {
  it.each(['allkeys-lru', 'allkeys-random', 'volatile-ttl'])('its eviction policy %s is a warning', async (policy) => {
    const { messages } = await opened({ args: ['--maxmemory', '100mb', '--maxmemory-policy', policy] })
    await until('it is said', () => messages.length > 0)
    expect(messages).toEqual([
      expect.stringMatching(`HOLDFAST_REDIS_EVICTION: .*maxmemory-policy ${policy}:.*Set maxmemory-policy noeviction`),
    ])
  })

  it('replicas without min-replicas-to-write are a warning, once there are any', async () => {
    const { server, messages } = await opened({})
    const replica = await startRedis({ replicaOf: server })
    onTestFinished(() => replica.stop())
    await until('it follows', async () => String(await server.command('INFO', 'replication')).includes('state=online'))
    expect(messages).toEqual([])
    const { redis } = await import('@holdfast/redis')
    const store = redis.open(server.url, { clock: Date.now, idleMs: 1, absoluteMs: 1 }) as SessionStore
    onTestFinished(() => store.close())
    await until('it is said', () => messages.length > 0)
    expect(messages).toEqual([expect.stringMatching('HOLDFAST_REDIS_MIN_REPLICAS: .*Set min-replicas-to-write 1')])
  })

  it('good settings are none, and neither are those that it may not ask for', async () => {
    const good = await opened({ args: ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '2'] })
    await good.store.ready?.()
    const rules = ['on', '>pw', '~*', '+get', '+ping']
    const strict = await opened(
      { args: ['--maxmemory-policy', 'allkeys-lru', '--user', 'app', ...rules] },
      Date.now,
      (own) => own.replace('://', '://app:pw@'),
    )
    await strict.store.ready?.()
    expect([good.messages, strict.messages]).toEqual([[], []])
  })

  it.each([
    [6_000, /ahead of/],
    [-3_600_000, /behind/],
  ])('a clock that is %d ms off is a warning, and the store is not ready while it lasts', async (offMs, side) => {
    let isOff = true
    const { store, messages } = await opened({}, () => Date.now() + (isOff ? offMs : 0))
    await until('it is said', () => messages.length > 0)
    expect(messages[0]).toMatch(/HOLDFAST_REDIS_CLOCK: .*the clock of this process is (6|3600) s/)
    for (let n = 0; n < 5; n++) {
      await expect(store.ready?.()).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringMatching(side),
      })
    }
    expect(await store.read('b')).toBeUndefined()
    isOff = false
    await store.ready?.()
    expect(messages).toHaveLength(1)
  })

  it('a clock that is 4 s off is not', async () => {
    const { store, messages } = await opened({}, () => Date.now() + 4_000)
    await store.ready?.()
    expect(messages).toEqual([])
  })
})
