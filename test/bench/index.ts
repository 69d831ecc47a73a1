// npm run bench [-- memory | redis | memcached | failover | hazelcast | peer | peer-cost] [--quick]: the server's CPU time per request, beside other libraries.
import { availableParallelism } from 'node:os'
import { failoverPart } from './failover-part.js'
import { hazelcastPart } from './hazelcast-part.js'
import { memcachedPart } from './memcached-part.js'
import { memoryPart } from './memory-part.js'
import { peerCost } from './peer-cost.js'
import { peerPart } from './peer-part.js'
import { redisPart } from './redis-part.js'
import { startHazelcast } from '../servers/hazelcast.js'
import { requireHazelcast } from '../servers/hazelcast-program.js'
import { startMemcached } from '../servers/memcached.js'
import { startRedis } from '../servers/redis.js'
import { requireServer } from '../servers/require-server.js'

const parts = ['memory', 'redis', 'memcached', 'failover', 'hazelcast', 'peer', 'peer-cost'] as const
const args = process.argv.slice(2)
const isQuick = args.includes('--quick')
const named = args.filter((arg) => !arg.startsWith('--'))
const unknown = named.find((name) => !parts.some((part) => part === name))
if (unknown) throw new Error(`There is no part '${unknown}'. Say one of ${parts.join(', ')}, or nothing for all.`)
const isWanted = (part: (typeof parts)[number]): boolean => named.length === 0 || named.includes(part)

const effort = isQuick ? { rounds: 3, requests: 1_000, warmUp: 3_000 } : { rounds: 7, requests: 2_000, warmUp: 6_000 }

console.log(
  `Server CPU time per request on Node ${process.version}, ${availableParallelism()} cores.\n` +
    `Median of ${effort.rounds} rounds of ${effort.requests} requests; ratios are taken round by round.\n`,
)
if (isWanted('memory')) await memoryPart(effort)
if (isWanted('redis') && (await requireServer('redis-server'))) {
  const redis = await startRedis()
  await redisPart(redis.url, effort).finally(() => redis.stop())
}
if (isWanted('memcached') && (await requireServer('memcached'))) {
  const servers = await Promise.all([startMemcached(), startMemcached(), startMemcached()])
  const urls = servers.map(({ url }) => url)
  await memcachedPart(urls, effort).finally(() => Promise.all(servers.map((server) => server.stop())))
}
if (isWanted('failover') && (await requireServer('redis-server'))) {
  const [primary, standby] = [await startRedis(), await startRedis()]
  await failoverPart(primary.url, standby.url, effort).finally(() => Promise.all([primary.stop(), standby.stop()]))
}
if (isWanted('hazelcast') && (await requireHazelcast()) && (await requireServer('redis-server'))) {
  const [cluster, redis] = [await startHazelcast(), await startRedis()]
  await hazelcastPart(cluster.url, redis.url, effort).finally(() => Promise.all([cluster.stop(), redis.stop()]))
}
if (isWanted('peer') && (await requireServer('redis-server'))) {
  const redis = await startRedis()
  await peerPart(redis.url, effort).finally(() => redis.stop())
}
if (isWanted('peer-cost')) await peerCost()
