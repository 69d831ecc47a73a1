import { testColumn } from './column-tests.js'
import { peer } from './columns/peer.js'

/** What the nodes go through in virtual time, and app servers in the guarantees, is left to `npm run faults`. */
const LONG = ['1', '2b', '2c', '3', '3b', '4', '5', '6', '9', '12', '13', '22']

testColumn(peer, false, LONG)
