import { isStoreUnavailable } from '@holdfast/core'
import { redisStore } from '@holdfast/redis'
import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startRedis, type RedisServer } from '../servers/redis.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import { ended, newKey, newRecord, newTombstone, successor } from './opened.js'

const program = await requireServer('redis-server')

const good = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 500,
} as const

/** The warnings of this process while `run` runs. */
async function warned(run: () => unknown): Promise<string[]> {
  const messages: string[] = []
  const listen = (warning: Error): void => void messages.push(warning.message)
  process.on('warning', listen)
  await run()
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', listen)
  return messages
}

describe.skipIf(program === undefined)('a client that is given', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server?.stop())

  const address = () => ({ host: server.host, port: server.port })
  const of6 = (options: object = good): Redis => closing(new Redis({ ...address(), ...options }))
  const of5 = (options: object = good): Redis5 => closing(new Redis5({ ...address(), ...options }))
  function closing<Client extends Redis | Redis5>(client: Client): Client {
    onTestFinished(() => client.disconnect())
    return client
  }

  it.each([
    ['ioredis 6', of6],
    ['ioredis 6 in RESP3', () => of6({ ...good, protocol: 3, replyMapping: 'resp3' })],
    ['ioredis 5', of5],
    ['ioredis 6 as it is without options', () => of6({})],
    ['ioredis 5 as it is without options', () => of5({})],
    ['ioredis 6 that connects when it is used', () => of6({ ...good, lazyConnect: true })],
    ['ioredis 6 with numbers as text', () => of6({ ...good, stringNumbers: true })],
    ['ioredis 6 with a prefix of its own', () => of6({ ...good, keyPrefix: 'app:' })],
  ] as const)('may be of %s, and stays open', async (_, open) => {
    const client = open()
    const store = redisStore({ client, deadlineMs: 5_000 })
    const seen: (string | undefined)[] = []
    store.onChange((key) => seen.push(key))
    await until('changes are followed', () => seen.includes(undefined))
    const [key, record] = [newKey(), newRecord()]
    await store.ready?.()
    expect(await store.read(key)).toBeUndefined()
    expect(await store.write(key, record, 'absent')).toEqual({ written: true })
    expect(await store.write(key, newRecord(), 'absent')).toEqual({ written: false, current: record })
    const next = successor(record)
    expect(await store.write(key, next, { replaces: record })).toEqual({ written: true })
    expect(await store.touch(key, next, next.expiresAt + 9)).toEqual({ written: true })
    expect(await store.read(key)).toEqual({ ...next, expiresAt: next.expiresAt + 9 })
    const keys: string[] = []
    for await (const listed of store.keys()) keys.push(listed)
    expect(keys).toContain(key)
    await store.write(key, newTombstone(), 'newer')
    await until('the changes are told', () => seen.filter((one) => one === key).length === 4)
    await store.close()
    expect((await ended(store.read(key))).error).toSatisfy(isStoreUnavailable)
    expect(await client.ping()).toBe('PONG')
  })

  it.each([
    ['ioredis 6', () => of6({})],
    ['ioredis 5', () => of5({})],
  ] as const)('of %s without options recovers by itself when the server was frozen', async (_, open) => {
    const client = open()
    const store = redisStore({ client })
    onTestFinished(() => store.close())
    await until('it is connected', async () => (await store.read(newKey())) === undefined)
    server.pause()
    for (let n = 0; n < 5; n++) {
      const { error, ms } = await ended(store.read(newKey()))
      expect(error).toSatisfy(isStoreUnavailable)
      expect(ms).toBeLessThan(1_500)
    }
    server.resume()
    await until('reads are answered', async () => (await store.read(newKey())) === undefined)
  })

  it('that has ended is no connection, and is not opened again', async () => {
    const client = of6()
    const store = redisStore({ client })
    await until('it is connected', async () => (await store.read(newKey())) === undefined)
    await client.quit()
    const { error } = await ended(store.read(newKey()))
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', refused: true })
    expect(client.status).toBe('end')
  })

  it('may not be one of node-redis', () => {
    const client = createClient({ url: server.url })
    expect(() => redisStore({ client: client as never })).toThrow(/node-redis.*npm install ioredis/)
  })

  it('may not have options that cannot be', () => {
    const client = of6()
    expect(() => redisStore({ client, prefix: 'a b' })).toThrow('redisStore: prefix is "a b"')
    expect(() => redisStore({ client, deadlineMs: 0 })).toThrow('redisStore: deadlineMs is 0')
    expect(() => redisStore({ client, durability: 'all' as never })).toThrow('redisStore: durability is "all"')
    expect(() => redisStore({ client: of6({ ...good, keyPrefix: '{a}' }) })).toThrow('keyPrefix of the client is "{a}"')
  })

  it('with good settings is no reason for a warning', async () => {
    expect(await warned(() => [redisStore({ client: of6() }), redisStore({ client: of5() })])).toEqual([])
  })

  // Each warning comes once in the life of a process, so this is the last test with other clients.
  it('is warned about setting by setting, with the value and what to set', async () => {
    const client = of6({ commandTimeout: 100, enableAutoPipelining: true })
    const nodes = [address()]
    const options = { lazyConnect: true, scaleReads: 'all', redisOptions: { connectTimeout: 9_000 } } as const
    const clusters = [new Cluster(nodes, options), new Cluster5(nodes, options)]
    onTestFinished(() => clusters.forEach((cluster) => cluster.disconnect()))
    const messages = await warned(() => [client, ...clusters].map((each) => redisStore({ client: each })))
    const others = messages.filter(
      (message) => !/enableOfflineQueue|connectTimeout: 10000|autoResend|maxRetries/.test(message),
    )
    expect(others.sort()).toEqual([
      expect.stringMatching(/^redisStore: the client has commandTimeout: 100\. .* Leave it unset/),
      expect.stringMatching(/^redisStore: the client has enableAutoPipelining: true\. .* Set it to false/),
      expect.stringMatching(/^redisStore: the client has redisOptions\.connectTimeout: 9000\. .* Set it to 500\.$/),
      expect.stringMatching(/^redisStore: the client has scaleReads: all\. .* Set it to 'master'\.$/),
    ])
  })
})
