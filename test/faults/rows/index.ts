import type { Row } from '../row.js'
import { appKilled } from './app-killed.js'
import { cookies } from './cookies.js'
import { storeFaults } from './store-faults.js'
import { storedValues } from './stored-values.js'
import { tenThousand } from './ten-thousand.js'

/** In the order of their numbers. */
export const rows: readonly Row[] = [...storeFaults, appKilled, ...storedValues, ...cookies, tenThousand].sort((a, b) =>
  a.number.localeCompare(b.number, 'en', { numeric: true }),
)
