import { testColumn } from './column-tests.js'
import { peer } from './columns/peer.js'

/** Row 1 is the same here as 9 and 12, the guarantees try 13; 22 takes both cores of a small machine for a long time. */
const LONG = ['9', '12', '13', '22']

testColumn(peer, false, LONG)
