import { requireServer } from '../servers/require-server.js'
import { testColumn } from './column-tests.js'
import { memcached } from './columns/memcached.js'

testColumn(memcached, (await requireServer('memcached')) === undefined)
