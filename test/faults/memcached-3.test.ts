import { requireServer } from '../servers/require-server.js'
import { testColumn } from './column-tests.js'
import { memcached3 } from './columns/memcached-3.js'

testColumn(memcached3, (await requireServer('memcached')) === undefined)
