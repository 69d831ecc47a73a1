import { afterAll, describe, expect, test } from 'vitest'
import type { Column } from './column.js'
import { expectedOn, type Scale } from './row.js'
import { rows } from './rows/index.js'
import { ColumnRun } from './run-cell.js'

const SMALL: Scale = { visitors: 24, workers: 8, holdMs: 1_000, atOnce: 2_000 }

/** A test for each cell of a column: each promise of it must hold. What takes long may be left to `npm run faults`. */
export function testColumn(column: Column, isMissing: boolean, without: readonly string[] = []): void {
  describe.skipIf(isMissing)(`faults of ${column.title}`, () => {
    const run = new ColumnRun(column, SMALL)
    afterAll(() => run.stop())

    for (const row of rows) {
      const expected = expectedOn(row, column.name)
      if (expected === undefined || without.includes(row.number)) continue
      test(`${row.number}: ${row.title}: ${expected}`, async () => {
        const cell = await run.cell(row)
        expect(cell.verdict, JSON.stringify(cell)).toBe('holds')
      }, 120_000)
    }
  })
}
