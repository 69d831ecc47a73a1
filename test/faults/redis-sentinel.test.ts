import { requireServer } from '../servers/require-server.js'
import { testColumn } from './column-tests.js'
import { redisSentinel } from './columns/redis-sentinel.js'

/** What replicas have acknowledged is tried by test/redis/durability.test.ts too; flapping is tried on other columns. */
const LONG = ['1d', '2b', '3b']

testColumn(redisSentinel, (await requireServer('redis-server')) === undefined, LONG)
