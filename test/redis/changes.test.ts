import type { ReportsChanges } from '@holdfast/core'
import { Redis } from 'ioredis'
import { onTestFinished, describe, expect, it } from 'vitest'
import { requireServer } from '../servers/require-server.js'
import { startRedis, type RedisServer } from '../servers/redis.js'
import { startRedisCluster } from '../servers/redis-cluster.js'
import { until } from '../servers/until.js'
import { newKey, newRecord, newTombstone, opened, successor } from './opened.js'

const program = await requireServer('redis-server')

async function started(): Promise<{ server: RedisServer; raw: Redis }> {
  const server = await startRedis()
  const raw = new Redis(server.port, server.host)
  onTestFinished(async () => {
    raw.disconnect()
    await server.stop()
  })
  return { server, raw }
}

/** Follows the changes of a store; resolves when the subscription stands. */
async function followed(store: ReportsChanges) {
  const seen: (string | undefined)[] = []
  const stop = store.onChange((key) => seen.push(key))
  await until('it follows', () => seen.includes(undefined))
  seen.length = 0
  return { seen, stop }
}

const following = async (raw: Redis): Promise<number> =>
  String(await raw.client('LIST'))
    .split('\n')
    .filter((line) => / flags=\S*B/.test(line)).length

describe.skipIf(program === undefined)('changes in Redis', () => {
  it('are reported once each with the key: create, write, touch, tombstone, and what is done by hand', async () => {
    const { server, raw } = await started()
    const [store, other] = [opened(server, 'prefix=app:s:'), opened(server, 'prefix=app:s:')]
    const { seen } = await followed(store)
    const [key, record] = [newKey(), newRecord()]
    const next = successor(record)
    const steps = [
      () => other.write(key, record, 'absent'),
      () => other.write(key, next, { replaces: record }),
      () => other.touch(key, next, next.expiresAt + 9),
      () => other.write(key, newTombstone(), 'newer'),
      () => raw.set(`app:s:${key}`, 'x'),
      () => raw.del(`app:s:${key}`),
    ]
    for (const [index, step] of steps.entries()) {
      await step()
      await until('it is told', () => seen.length > index)
    }
    expect(seen).toEqual(Array(steps.length).fill(key))
  })

  it('are not reported where nothing changed, nor of other prefixes', async () => {
    const { server, raw } = await started()
    const [store, other] = [opened(server), opened(server, 'prefix=other:')]
    const { seen } = await followed(store)
    const [key, last] = [newKey(), newKey()]
    await store.write(key, newRecord(), 'absent')
    await store.read(key)
    await store.write(key, newRecord(), 'absent')
    await store.touch(key, newRecord(), Date.now() + 9e6)
    await other.write(key, newRecord(), 'absent')
    await raw.set('ses', 'x')
    await store.write(last, newRecord(), 'absent')
    await until('the last is told', () => seen.includes(last))
    expect(seen).toEqual([key, last])
  })

  it('are told as "any" after FLUSHALL', async () => {
    const { server, raw } = await started()
    const { seen } = await followed(opened(server))
    await raw.flushall()
    await until('it is told', () => seen.includes(undefined))
  })

  it('are followed on one connection however many listen, and on none when nobody does', async () => {
    const { server, raw } = await started()
    const store = opened(server)
    await until('it is connected', async () => (await store.read(newKey())) === undefined)
    expect(await following(raw)).toBe(0)
    const first = await followed(store)
    const seen: (string | undefined)[] = []
    const listener = (key: string | undefined): void => void seen.push(key)
    const stops = [store.onChange(listener), store.onChange(listener)]
    const key = newKey()
    await store.write(key, newRecord(), 'absent')
    await until('all are told', () => seen.length === 2 && first.seen.length === 1)
    expect(await following(raw)).toBe(1)
    stops[0]?.()
    stops[0]?.()
    await store.write(key, newTombstone(), 'newer')
    await until('two are told', () => seen.length === 3 && first.seen.length === 2)
    stops[1]?.()
    first.stop()
    await until('nobody follows', async () => (await following(raw)) === 0)
    const again = await followed(store)
    await store.write(newKey(), newRecord(), 'absent')
    await until('it is told', () => again.seen.length === 1)
    expect([seen.length, first.seen.length]).toEqual([3, 2])
    await store.close()
    await until('nobody follows', async () => (await following(raw)) === 0)
  })

  it.each([
    ['is killed', async (raw: Redis) => void (await raw.client('KILL', 'TYPE', 'PUBSUB'))],
    ['hangs', async (_: Redis, server: RedisServer) => server.pause()],
  ] as const)('are told as "any" when the subscription %s, and when it stands again', async (_, harm) => {
    const { server, raw } = await started()
    const { seen } = await followed(opened(server))
    await harm(raw, server)
    await until('it is told that changes are missed', () => seen.length >= 1)
    server.resume()
    await until('it follows again', async () => seen.length >= 2 && (await following(raw)) === 1)
    expect(new Set(seen)).toEqual(new Set([undefined]))
    seen.length = 0
    const key = newKey()
    await raw.set(`sess:${key}`, 'x')
    await until('a change is told', () => seen.includes(key))
  })

  it('of all masters of a Cluster are followed, also after one was replaced', { timeout: 60_000 }, async () => {
    const cluster = await startRedisCluster()
    onTestFinished(() => cluster.stop())
    const store = opened(cluster)
    const other = opened(cluster)
    const seen: (string | undefined)[] = []
    store.onChange((key) => seen.push(key))
    const isToldOfAll = async (): Promise<boolean> => {
      const keys = Array.from({ length: 30 }, newKey)
      for (const key of keys) await other.write(key, newRecord(), 'absent')
      await until('all are told', () => keys.every((key) => seen.includes(key)), 500)
      return true
    }
    await until('the changes of all masters are told', isToldOfAll)
    const key = newKey()
    const [master, replica] = [await cluster.masterOf(`sess:${key}`), await cluster.replicaOf(`sess:${key}`)]
    seen.length = 0
    await replica.command('CLUSTER', 'FAILOVER')
    await until('the replica is master', async () => (await cluster.masterOf(`sess:${key}`)).port === replica.port)
    await until('the changes of all masters are told', isToldOfAll)
    await until('it left the old one', async () => !/ flags=\S*B/.test(String(await master.command('CLIENT', 'LIST'))))
    expect(seen).toContain(undefined)
  })
})
