import { requireHazelcast } from '../servers/hazelcast-program.js'
import { testColumn } from './column-tests.js'
import { hazelcast } from './columns/hazelcast.js'

testColumn(hazelcast, (await requireHazelcast()) === undefined)
