import { readFileSync } from 'node:fs'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { createKey, storeConformance } from '@holdfast/conformance'
import { createEngine, type SessionStore } from '@holdfast/core'
import { redis } from '@holdfast/redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findings } from '../cli/cli.js'
import { startRedisCluster, type RedisCluster } from '../servers/redis-cluster.js'
import type { RedisProcess } from '../servers/redis-process.js'
import { startRedis, type RedisServer } from '../servers/redis.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'

/** The line that the page about Redis prints. */
const line = readFileSync(new URL('../../docs/snippets/redis.acl', import.meta.url), 'utf8').trim()
const [, user = '', ...rules] = line.split(' ')
const password = rules.find((rule) => rule.startsWith('>'))?.slice(1) ?? ''
const allowed = rules.filter((rule) => rule.startsWith('+')).map((rule) => rule.slice(1))
const args = ['--user', user, ...rules]

const asUser = (url: string): string => url.replace('://', `://${user}:${password}@`)
const open = async (url: string, clock: () => number = Date.now): Promise<SessionStore> =>
  redis.open(url, { clock, idleMs: 1, absoluteMs: 1 })

describe.skipIf(!(await requireServer('redis-server')))(
  'with the rights that the docs give to the user of Redis',
  () => {
    let server: RedisServer
    let cluster: RedisCluster
    beforeAll(async () => {
      server = await startRedis({ args })
      cluster = await startRedisCluster({ args })
      for (const each of [server, ...cluster.nodes]) await each.command('CONFIG', 'RESETSTAT')
    })
    afterAll(async () => {
      await server.stop()
      await cluster.stop()
    })

    storeConformance({
      describe,
      test,
      createStore: ({ clock }) => open(`${asUser(server.url)}/1`, clock),
      traits: { shared: true },
    })

    test.each(['one Redis', 'a Cluster'])('sessions of two app servers on %s, with near caches', async (kind) => {
      const url = kind === 'one Redis' ? server.url : `${cluster.url}?durability=replicated-all`
      const options = {
        secret: 'a secret for these tests, 32 bytes or more',
        store: asUser(url),
        nearCache: { maxStaleMs: 60_000 },
      }
      const here = createEngine<{ visits: number }>(options)
      const there = createEngine<{ visits: number }>(options)
      await Promise.all([here.ready(), there.ready()])
      const { cookie } = await here.create({ visits: 1 })
      const seen = async () => (await there.read(request(cookie)))?.visits
      expect(await seen()).toBe(1)
      await here.update(request(cookie), (session) => void (session.visits = 2))
      await until('the other has heard of the change', async () => (await seen()) === 2)
      await Promise.all([here.close(), there.close()])
    })

    test('a write that is offered again, until a replica has it', async () => {
      const store = await open(`${asUser(cluster.url)}?durability=replicated-all`)
      const record = { data: '{}', revision: 1, tag: 'aaaaaaaa', expiresAt: Date.now() + 60_000 }
      const key = createKey()
      await until('it is written', async () => (await store.write(key, record, 'absent')).written)
      expect(await store.write(key, record, 'absent')).toMatchObject({ written: false, current: record })
      await store.close()
    })

    test('nothing that it did was denied, and all that is allowed was needed', async () => {
      const servers = [server, ...cluster.nodes]
      expect((await Promise.all(servers.map((each) => each.command('ACL', 'LOG')))).flat()).toEqual([])
      const called = new Set((await Promise.all(servers.map(commandsOf))).flat())
      // A short run may see no heartbeat of a subscription and no connection to a replica.
      const needed = allowed.filter((command) => command !== 'ping' && command !== 'readonly')
      expect(needed.filter((command) => !called.has(command))).toEqual([])
    })

    test('doctor looks at each master of a Cluster, and says what it may not ask', async () => {
      const { code, found, servers } = await findings(asUser(cluster.url))
      expect([code, found]).toEqual([1, ['unknown SAVED', 'wrong MIN_REPLICAS']])
      expect([servers['SAVED']?.length, servers['MIN_REPLICAS']?.length]).toEqual([3, 3])
      for (const node of cluster.nodes) await node.command('CONFIG', 'SET', 'cluster-node-timeout', 15_000)
      expect((await findings(cluster.url)).found).toEqual([
        'advice NODE_TIMEOUT',
        'wrong MIN_REPLICAS',
        'wrong NOT_SAVED',
      ])
    })
  },
)

function request(cookie: string): IncomingMessage {
  const message = new IncomingMessage(new Socket())
  message.headers = { cookie }
  return message
}

async function commandsOf(server: RedisProcess): Promise<string[]> {
  const stats = String(await server.command('INFO', 'commandstats'))
  return [...stats.matchAll(/^cmdstat_([^:]+):/gm)].map(([, name = '']) => name)
}
