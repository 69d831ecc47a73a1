import { requireServer } from '../servers/require-server.js'
import { testColumn } from './column-tests.js'
import { redisCluster } from './columns/redis-cluster.js'

testColumn(redisCluster, (await requireServer('redis-server')) === undefined)
