import type { Row } from '../row.js'
import { appKilled } from './app-killed.js'
import { cookies } from './cookies.js'
import { flaps } from './flaps.js'
import { storeFaults } from './store-faults.js'
import { peers } from './peers.js'
import { returns } from './returns.js'
import { storedValues } from './stored-values.js'
import { thousandsAtOnce } from './thousands-at-once.js'

/** In the order of their numbers. */
export const rows: readonly Row[] = [
  ...storeFaults,
  ...flaps,
  ...returns,
  ...peers,
  appKilled,
  ...storedValues,
  ...cookies,
  thousandsAtOnce,
].sort((a, b) => a.number.localeCompare(b.number, 'en', { numeric: true }))
