import type { Column } from '../column.js'
import { redis } from './redis.js'
import { redisCluster } from './redis-cluster.js'
import { redisSentinel } from './redis-sentinel.js'

export const columns: readonly Column[] = [redis, redisSentinel, redisCluster]
