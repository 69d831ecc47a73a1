import { requireServer } from '../servers/require-server.js'
import { testColumn } from './column-tests.js'
import { redis } from './columns/redis.js'

testColumn(redis, (await requireServer('redis-server')) === undefined)
