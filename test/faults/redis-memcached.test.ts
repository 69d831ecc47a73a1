import { requireServer } from '../servers/require-server.js'
import { testColumn } from './column-tests.js'
import { redisMemcached } from './columns/standby.js'

const programs = await Promise.all([requireServer('redis-server'), requireServer('memcached')])

testColumn(redisMemcached, programs.includes(undefined))
