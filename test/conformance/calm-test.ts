import type { StoreConformanceOptions } from '@holdfast/conformance'
import { test } from 'vitest'
import { calmTime } from '../guarantees/frozen-time.js'

/** A call has 250 ms, but not of those in which a busy machine stands still. */
export const calmTest: StoreConformanceOptions['test'] = (name, options, body) =>
  test(name, options, () => {
    calmTime('ms')
    return body()
  })
