import { requireHazelcast } from '../servers/hazelcast-program.js'
import { testColumn } from './column-tests.js'
import { hazelcast } from './columns/hazelcast.js'

/** It starts the cluster once more, and takes both cores of a small machine for half a minute. */
const LONG = ['22']

testColumn(hazelcast, (await requireHazelcast()) === undefined, LONG)
