import { requireHazelcast } from '../servers/hazelcast-program.js'
import { testColumn } from './column-tests.js'
import { hazelcast } from './columns/hazelcast.js'

/** 22 starts the cluster once more, and takes both cores of a small machine; flapping is tried on other columns. */
const LONG = ['2b', '3b', '22']

testColumn(hazelcast, (await requireHazelcast()) === undefined, LONG)
