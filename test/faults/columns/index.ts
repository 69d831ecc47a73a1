import type { Column } from '../column.js'
import { hazelcast } from './hazelcast.js'
import { memcached } from './memcached.js'
import { memcached3 } from './memcached-3.js'
import { peer } from './peer.js'
import { redis } from './redis.js'
import { redisCluster } from './redis-cluster.js'
import { redisSentinel } from './redis-sentinel.js'
import { redisMemcached, redisStandby } from './standby.js'

export const columns: readonly Column[] = [
  redis,
  redisSentinel,
  redisCluster,
  memcached,
  memcached3,
  redisStandby,
  redisMemcached,
  hazelcast,
  peer,
]
