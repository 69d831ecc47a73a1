import { requireHazelcast } from '../servers/hazelcast-program.js'
import { testColumn } from './column-tests.js'
import { hazelcast } from './columns/hazelcast.js'

/** They start the cluster once more, or take the cores of a small machine for a minute. */
const LONG = ['22']

testColumn(hazelcast, (await requireHazelcast()) === undefined, LONG)
