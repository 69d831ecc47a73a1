import { requireServer } from '../servers/require-server.js'
import { testColumn } from './column-tests.js'
import { redisCluster } from './columns/redis-cluster.js'

/** What replicas have acknowledged is tried by test/redis/durability.test.ts too; flapping is tried on other columns. */
const LONG = ['1d', '2b', '3b']

testColumn(redisCluster, (await requireServer('redis-server')) === undefined, LONG)
