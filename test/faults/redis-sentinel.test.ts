import { requireServer } from '../servers/require-server.js'
import { testColumn } from './column-tests.js'
import { redisSentinel } from './columns/redis-sentinel.js'

testColumn(redisSentinel, (await requireServer('redis-server')) === undefined)
