import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { REPLICAS } from './redis-node.js'
import { startRedisSentinel } from './redis-sentinel.js'
import { requireServer } from './require-server.js'
import { until } from './until.js'

const program = await requireServer('redis-server')

describe.skipIf(program === undefined)('Redis with Sentinel', () => {
  test('a killed master is followed by a replica, comes back as one, and a client is led to the new one', async () => {
    const set = await startRedisSentinel()
    onTestFinished(() => set.stop())
    const client = new Redis({ sentinels: [...set.sentinels], name: set.name, retryStrategy: () => 100 })
    onTestFinished(() => client.disconnect())
    client.on('error', () => {})
    await client.set('key', 'value')
    expect(await client.wait(2, 1_000)).toBe(2)
    const old = await set.master()
    await old.kill()
    await until('another one is master', async () => (await set.master()) !== old)
    await until('the client writes again', async () => (await client.set('more', '1')) === 'OK')
    expect(await client.get('key')).toBe('value')
    await old.restart()
    await set.settled()
    expect(await old.command('GET', 'more')).toBe('1')
    expect(set.url).toMatch(/^redis\+sentinel:\/\/127\.0\.0\.1:\d+,127\.0\.0\.1:\d+,127\.0\.0\.1:\d+\/holdfast$/)
  })

  test('through proxies: with its replication blackholed a killed master takes what it acknowledged along', async () => {
    const set = await startRedisSentinel({ proxied: true })
    onTestFinished(() => set.stop())
    const old = await set.master()
    await old.command('SET', 'key', 'value')
    expect(await old.command('WAIT', 2, 1_000)).toBe(2)
    old.proxy.drop({ from: REPLICAS })
    const client = new Redis({ sentinels: [...set.sentinels], name: set.name })
    onTestFinished(() => client.disconnect())
    client.on('error', () => {})
    expect(await client.set('lost', '1')).toBe('OK')
    await old.kill()
    await until('another one is master', async () => (await set.master()) !== old)
    const master = await set.master()
    expect([await master.command('GET', 'key'), await master.command('GET', 'lost')]).toEqual(['value', null])
  })
})
