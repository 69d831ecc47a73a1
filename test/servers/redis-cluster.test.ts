import { Cluster } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { REPLICAS } from './redis-node.js'
import { startRedisCluster, type RedisCluster } from './redis-cluster.js'
import { requireServer } from './require-server.js'
import { until } from './until.js'

const program = await requireServer('redis-server')

describe.skipIf(program === undefined)('Redis Cluster', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await startRedisCluster({ proxied: true })
  })
  afterAll(() => cluster?.stop())

  const connect = (): Cluster => {
    const client = new Cluster(cluster.nodes.map(({ address }) => address))
    onTestFinished(() => client.disconnect())
    client.on('error', () => {})
    return client
  }

  test('keys lie on three masters, each with its replica', async () => {
    const client = connect()
    const keys = Array.from({ length: 30 }, (_, i) => `key${i}`)
    for (const key of keys) await client.set(key, key)
    const owners = await Promise.all(keys.map((key) => cluster.masterOf(key)))
    expect(new Set(owners).size).toBe(3)
    for (const [i, owner] of owners.entries()) expect(await owner.command('GET', keys[i] as string)).toBe(keys[i])
    const replicas = await Promise.all(keys.map((key) => cluster.replicaOf(key)))
    expect(new Set([...owners, ...replicas]).size).toBe(6)
  })

  test('with its replication blackholed a killed master takes what it acknowledged along; it comes back as a replica', async () => {
    const client = connect()
    await client.set('key', 'value')
    const old = await cluster.masterOf('key')
    const replica = await cluster.replicaOf('key')
    await until('the replica has it', async () => /keys=[1-9]/.test(String(await replica.command('INFO', 'keyspace'))))
    old.proxy.drop({ from: REPLICAS })
    expect(await client.set('{key}lost', '1')).toBe('OK')
    await old.kill()
    await until('its replica is master', async () => (await cluster.masterOf('key')) === replica)
    await until('the client is led there', async () => (await client.get('key')) === 'value')
    expect(await client.get('{key}lost')).toBeNull()
    await old.proxy.heal()
    await old.restart()
    await cluster.settled()
    expect(await cluster.replicaOf('key')).toBe(old)
  })
})
