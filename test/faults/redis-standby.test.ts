import { requireServer } from '../servers/require-server.js'
import { testColumn } from './column-tests.js'
import { redisStandby } from './columns/standby.js'

testColumn(redisStandby, (await requireServer('redis-server')) === undefined)
