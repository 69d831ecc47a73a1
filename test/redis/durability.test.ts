import { Redis } from 'ioredis'
import { onTestFinished, describe, expect, it } from 'vitest'
import { faultProxy, type FaultProxy } from '../servers/fault-proxy.js'
import { infoOf } from '../servers/redis-process.js'
import { requireServer } from '../servers/require-server.js'
import { startRedis, type RedisServer } from '../servers/redis.js'
import { until } from '../servers/until.js'
import { ended, newKey, newRecord, newTombstone, opened, successor } from './opened.js'

const program = await requireServer('redis-server')

interface Pair {
  readonly master: RedisServer
  readonly replica: RedisServer
  /** Between both: the replica is cut off by it. */
  readonly link: FaultProxy
  readonly url: string
}

async function pair(): Promise<Pair> {
  const master = await startRedis()
  onTestFinished(() => master.stop())
  const link = await faultProxy(master)
  onTestFinished(() => link.close())
  const replica = await startRedis({ replicaOf: link })
  onTestFinished(() => replica.stop())
  // It counts for WAIT from its first acknowledgement on, up to a second after it has all data.
  await master.command('SET', 'first', 1)
  const acknowledges = async (): Promise<boolean> => {
    const [, offset] = /offset=(\d+)/.exec((await infoOf(master, 'replication', 'slave0')) ?? '') ?? []
    return Number(offset) > 0 && Number(offset) >= (await offsetOf(master))
  }
  await until('the replica acknowledges', acknowledges)
  return { master, replica, link, url: master.url }
}

const has = async (server: RedisServer, key: string, tag: string): Promise<boolean> =>
  String(await server.command('GET', `sess:${key}`)).includes(tag)

const offsetOf = async (server: RedisServer): Promise<number> =>
  Number(await infoOf(server, 'replication', 'master_repl_offset'))

const unreplicated = expect.objectContaining({
  code: 'STORE_UNAVAILABLE',
  refused: false,
  message: expect.stringMatching(/no replica had the write within \d+ ms \(WAIT\)/) as unknown,
}) as unknown

describe.skipIf(program === undefined)("durability: 'replicated'", () => {
  it('acknowledges creates and tombstones that a replica has, and those only', async () => {
    const { replica, link, url } = await pair()
    const store = opened({ url }, 'durability=replicated&deadline=2000')
    for (let n = 0; n < 20; n++) {
      const [key, record, tombstone] = [newKey(), newRecord(), newTombstone()]
      expect(await store.write(key, record, 'absent')).toEqual({ written: true })
      expect(await has(replica, key, record.tag)).toBe(true)
      expect(await store.write(key, tombstone, 'newer')).toEqual({ written: true })
      expect(await has(replica, key, tombstone.tag)).toBe(true)
    }
    const [key, record] = [newKey(), newRecord()]
    await store.write(key, record, 'absent')
    link.drop()
    const next = successor(record)
    expect((await ended(store.write(newKey(), newRecord(), 'absent'))).error).toEqual(unreplicated)
    expect(await store.write(key, next, { replaces: record })).toEqual({ written: true })
    expect(await store.touch(key, next, next.expiresAt + 1)).toEqual({ written: true })
    expect((await ended(store.write(key, newTombstone(), 'newer'))).error).toEqual(unreplicated)
  })

  it("acknowledges no write without one under 'replicated-all'", async () => {
    const { replica, link, url } = await pair()
    const store = opened({ url }, 'durability=replicated-all&deadline=2000')
    const [key, record] = [newKey(), newRecord()]
    await store.write(key, record, 'absent')
    const next = successor(record)
    expect(await store.write(key, next, { replaces: record })).toEqual({ written: true })
    expect(await has(replica, key, next.tag)).toBe(true)
    link.drop()
    expect((await ended(store.write(key, successor(next), { replaces: next }))).error).toEqual(unreplicated)
  })

  it('does not take a write for replicated that is offered again, nor one that others built on', async () => {
    const { master, link, url } = await pair()
    const store = opened({ url }, 'durability=replicated&deadline=2000')
    const [key, record] = [newKey(), newRecord()]
    await store.write(newKey(), newRecord(), 'absent')
    link.drop()
    expect((await ended(store.write(key, record, 'absent'))).error).toEqual(unreplicated)
    // A connection that has written nothing: WAIT has nothing to wait for there, but for what is written again.
    const other = opened({ url }, 'durability=replicated&deadline=2000')
    const before = await offsetOf(master)
    expect((await ended(other.write(key, record, 'absent'))).error).toEqual(unreplicated)
    expect(await offsetOf(master)).toBeGreaterThan(before)
    const after = await offsetOf(master)
    expect((await ended(other.write(key, newRecord(), 'absent'))).error).toEqual(unreplicated)
    expect(await offsetOf(master)).toBeGreaterThan(after)
    const left = Number(await master.command('PTTL', `sess:${key}`))
    expect(left).toBeGreaterThan(record.expiresAt - Date.now())
    expect(left).toBeLessThan(record.expiresAt - Date.now() + 1_100)
  })

  it('fails writes at once when the replica stays away, reads go on, and all is well when it is back', async () => {
    const { link, master, url } = await pair()
    const store = opened({ url }, 'durability=replicated')
    await until('it is connected', async () => (await store.read(newKey())) === undefined)
    const [key, record] = [newKey(), newRecord()]
    // One that was late to be acknowledged stands there all the same.
    await until('it is written', async () => {
      const outcome = await store.write(key, record, 'absent')
      return outcome.written || outcome.current?.tag === record.tag
    })
    link.drop()
    const failing = async (): Promise<unknown> => (await ended(store.write(newKey(), newRecord(), 'absent'))).error
    const reading = Array.from({ length: 200 }, async () => (await ended(store.read(key))).error)
    for (let n = 0; n < 3; n++) expect(await failing()).toMatchObject({ code: 'STORE_UNAVAILABLE' })
    expect(await failing()).toMatchObject({ refused: true })
    expect((await Promise.all(reading)).filter(Boolean)).toEqual([])
    expect(await store.read(key)).toEqual(record)
    await link.heal()
    await until('it writes again', async () => (await store.write(newKey(), newRecord(), 'absent')).written)
    expect(String(await master.command('INFO', 'replication'))).toContain('state=online')
  })

  it('says so when there is no replica at all', async () => {
    const server = await startRedis()
    onTestFinished(() => server.stop())
    const store = opened(server, 'durability=replicated&deadline=2000')
    expect((await ended(store.write(newKey(), newRecord(), 'absent'))).error).toEqual(unreplicated)
  })

  it('sends what comes together in few batches, and none of it on the connection of the reads', async () => {
    const { master, url } = await pair()
    const store = opened({ url }, 'durability=replicated&deadline=5000')
    await store.write(newKey(), newRecord(), 'absent')
    await master.command('CONFIG', 'RESETSTAT')
    const writes = Array.from({ length: 400 }, () => store.write(newKey(), newRecord(), 'absent'))
    expect(await Promise.all(writes)).toEqual(Array(400).fill({ written: true }))
    const stats = String(await master.command('INFO', 'commandstats'))
    expect(Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1])).toBe(400)
    expect(Number(/cmdstat_wait:calls=(\d+)/.exec(stats)?.[1])).toBeLessThanOrEqual(3)
  })

  it('survives SCRIPT FLUSH, and a reset of its connection', async () => {
    const { master } = await pair()
    const proxy = await faultProxy(master)
    onTestFinished(() => proxy.close())
    const store = opened({ url: `redis://${proxy.host}:${proxy.port}` }, 'durability=replicated&deadline=5000')
    const raw = new Redis(master.port)
    onTestFinished(() => raw.disconnect())
    for (let n = 0; n < 10; n++) {
      await raw.script('FLUSH')
      const writes = Array.from({ length: 5 }, () => store.write(newKey(), newRecord(), 'absent'))
      if (n % 3 === 2) proxy.reset()
      for (const outcome of await Promise.all(writes)) expect(outcome).toBeDefined()
    }
  })
})
