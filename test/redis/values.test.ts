import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { requireServer } from '../servers/require-server.js'
import { startRedis, type RedisServer } from '../servers/redis.js'
import { newKey, newRecord, newTombstone, opened, successor } from './opened.js'

const DAY_MS = 86_400_000
const program = await requireServer('redis-server')

describe.skipIf(program === undefined)('what stands in Redis', () => {
  let server: RedisServer
  let raw: Redis

  beforeAll(async () => {
    server = await startRedis()
    raw = new Redis(server.port, server.host)
  })
  afterAll(async () => {
    raw.disconnect()
    await server.stop()
  })
  beforeEach(async () => {
    await raw.flushall()
    await raw.config('RESETSTAT')
  })

  /** What the server was asked since the test began, beside the connections' own. */
  const asked = async (): Promise<Record<string, number>> => {
    const lines = (await raw.info('commandstats')).matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)
    const own = ['info', 'config|resetstat', 'time', 'flushall', 'ping', 'select', 'client|setinfo']
    return Object.fromEntries([...lines].flatMap(([, name = '', n]) => (own.includes(name) ? [] : [[name, Number(n)]])))
  }

  it('is text under prefix and key, and a read is one GET', async () => {
    const store = opened(server)
    const [key, record] = [newKey(), newRecord({ data: '{"user":"ada"}' })]
    await store.write(key, record, 'absent')
    await raw.config('RESETSTAT')
    expect(await store.read(key)).toEqual(record)
    expect(await asked()).toEqual({ get: 1 })
    expect(await raw.get(`sess:${key}`)).toBe(
      `hf1 000${record.expiresAt} live 0000000000000001 ${record.tag}\n{"user":"ada"}`,
    )
  })

  it('is written by one script, which is known after the first time, and a conflict needs no second read', async () => {
    const store = opened(server)
    const [key, record] = [newKey(), newRecord()]
    await store.write(key, record, 'absent')
    await raw.config('RESETSTAT')
    expect(await store.write(key, newRecord(), 'absent')).toEqual({ written: false, current: record })
    await store.write(key, successor(record), { replaces: record })
    await store.write(key, newTombstone(), 'newer')
    expect(await asked()).toEqual({ evalsha: 3, get: 3, set: 2 })
  })

  it('is touched without a look at its data', async () => {
    const store = opened(server)
    const [key, record] = [newKey(), newRecord()]
    await store.write(key, record, 'absent')
    await store.touch(key, record, record.expiresAt + 1)
    await raw.config('RESETSTAT')
    expect(await store.touch(key, record, record.expiresAt + 60_000)).toEqual({ written: true })
    expect(await asked()).toEqual({ evalsha: 1, getrange: 1, setrange: 1, pexpire: 1 })
    expect(await store.read(key)).toEqual({ ...record, expiresAt: record.expiresAt + 60_000 })
  })

  it.each([
    ['300 ms', 300],
    ['12 hours', DAY_MS / 2],
    ['31 days', 31 * DAY_MS],
    ['10 years', 3_653 * DAY_MS],
    ['1,000 years', 365_250 * DAY_MS],
  ])('is kept for %s and a second: never for ever, never shorter', async (_, ms) => {
    const store = opened(server)
    const key = newKey()
    const left = async (expiresAt: number): Promise<number> =>
      (await raw.pttl(`sess:${key}`)) - (expiresAt - Date.now())
    const record = newRecord({ expiresAt: Date.now() + ms })
    await store.write(key, record, 'absent')
    const next = successor(record, { expiresAt: Date.now() + ms })
    for (const step of [
      async () => record.expiresAt,
      async () => (await store.write(key, next, { replaces: record }), next.expiresAt),
      async () => (await store.touch(key, next, next.expiresAt + 300), next.expiresAt + 300),
      async () => (await store.write(key, { ...newTombstone(), expiresAt: next.expiresAt }, 'newer'), next.expiresAt),
    ]) {
      const beyond = await left(await step())
      expect(beyond).toBeGreaterThan(900)
      expect(beyond).toBeLessThan(1_100)
    }
  })

  it('survives SCRIPT FLUSH between and under calls', async () => {
    const store = opened(server)
    for (let n = 0; n < 20; n++) {
      const [key, record] = [newKey(), newRecord()]
      await raw.script('FLUSH')
      expect(await store.write(key, record, 'absent')).toEqual({ written: true })
      await raw.script('FLUSH')
      expect(await store.touch(key, record, record.expiresAt + 9)).toEqual({ written: true })
    }
    const flushing = Array.from({ length: 50 }, () => raw.script('FLUSH'))
    const writing = Array.from({ length: 50 }, () => store.write(newKey(), newRecord(), 'absent'))
    expect(await Promise.all(writing)).toEqual(Array(50).fill({ written: true }))
    await Promise.all(flushing)
  })

  it('lets one of two clients win each race', async () => {
    const stores = [opened(server), opened(server)] as const
    for (let n = 0; n < 50; n++) {
      const key = newKey()
      const created = await Promise.all(stores.map((store) => store.write(key, newRecord(), 'absent')))
      expect(created.map(({ written }) => written).sort()).toEqual([false, true])
      const base = await stores[0].read(key)
      if (!base) return expect.unreachable()
      const races = await Promise.all([
        ...stores.map((store) => store.write(key, successor(base), { replaces: base })),
        stores[n % 2 ? 0 : 1].write(key, newTombstone(), 'newer'),
      ])
      expect(races.filter(({ written }) => written).length).toBeLessThanOrEqual(2)
      expect(races[2]).toEqual({ written: true })
      expect((await stores[0].read(key))?.data).toBeNull()
    }
  })

  it('orders tags by their bytes, whatever the locale of the server is', async () => {
    const store = opened(server)
    for (const [lower, higher] of [
      ['Zzzzzzzz', 'aaaaaaaa'],
      ['--------', '00000000'],
      ['aaaaaaaa', 'aaaaaaab'],
      ['A_AAAAAA', 'AaAAAAAA'],
    ] as const) {
      const key = newKey()
      await store.write(key, newRecord({ tag: higher }), 'absent')
      expect(await store.write(key, newRecord({ tag: lower }), 'newer')).toMatchObject({ written: false })
      await store.write(key, newTombstone(), 'newer')
      const other = newKey()
      await store.write(other, newRecord({ tag: lower }), 'absent')
      expect(await store.write(other, newRecord({ tag: higher }), 'newer')).toEqual({ written: true })
    }
  })

  describe('by the hand of somebody else', () => {
    const foreign: Readonly<Record<string, (name: string) => Promise<unknown>>> = {
      text: (name) => raw.set(name, 'hello'),
      'the session of another library': (name) => raw.set(name, '{"cookie":{},"user":1}'),
      'an empty string': (name) => raw.set(name, ''),
      'half of our own head': (name) => raw.set(name, 'hf1 0001'),
      'a list': (name) => raw.rpush(name, 'a'),
      'a set': (name) => raw.sadd(name, 'a'),
      'a sorted set': (name) => raw.zadd(name, 1, 'a'),
      'a hash': (name) => raw.hset(name, 'a', '1'),
      'a stream': (name) => raw.xadd(name, '*', 'a', '1'),
    }

    it.each(Object.entries(foreign))(
      '%s is no session and not absent, and goes only for a newer write',
      async (_, put) => {
        const store = opened(server)
        const key = newKey()
        await put(`sess:${key}`)
        const dump = await raw.dumpBuffer(`sess:${key}`)
        const text = await raw.get(`sess:${key}`).catch(() => '')
        const current = { data: text, revision: 0, tag: '', expiresAt: Number.MAX_SAFE_INTEGER }
        expect(await store.read(key)).toEqual(current)
        expect(await store.write(key, newRecord(), 'absent')).toEqual({ written: false, current })
        expect(await store.write(key, newRecord(), { replaces: newRecord() })).toEqual({ written: false, current })
        expect(await store.touch(key, newRecord(), Date.now() + 9e6)).toEqual({ written: false, current })
        expect(await raw.dumpBuffer(`sess:${key}`)).toEqual(dump)
        const record = newRecord()
        expect(await store.write(key, record, 'newer')).toEqual({ written: true })
        expect(await store.read(key)).toEqual(record)
        await raw.del(`sess:${key}`)
        await put(`sess:${key}`)
        const tombstone = newTombstone()
        expect(await store.write(key, tombstone, 'newer')).toEqual({ written: true })
        expect(await store.read(key)).toEqual(tombstone)
      },
    )
  })

  it('is not taken over from a later form of it', async () => {
    const store = opened(server)
    const key = newKey()
    await raw.set(`sess:${key}`, `hf2 ${'0'.repeat(13)}999 live ${'0'.repeat(15)}1 abcdefgh\nx`)
    expect(await store.read(key)).toMatchObject({ revision: 0, tag: '' })
    expect(await store.write(key, newRecord(), 'absent')).toMatchObject({ written: false })
  })

  it('is listed by keys(), without what is not ours', async () => {
    const store = opened(server, 'prefix=app:')
    const keys = Array.from({ length: 2_500 }, newKey)
    for (let from = 0; from < keys.length; from += 500) {
      await Promise.all(keys.slice(from, from + 500).map((key) => store.write(key, newRecord(), 'absent')))
    }
    await raw.mset({ 'sess:other': 'x', 'app:not a key': 'x', app: 'x', 'xapp:key': 'x' })
    const listed = new Set<string>()
    for await (const key of store.keys()) listed.add(key)
    expect([...listed].sort()).toEqual([...keys].sort())
  })
})
