import type { Cell } from './row.js'

const WIDTHS = [4, 58, 12, 8, 28, 9, 9, 6] as const

const line = (cells: readonly string[]): string =>
  cells
    .map((text, i) => text.padEnd(WIDTHS[i] ?? 0))
    .join(' ')
    .trimEnd()

export const headLine = line([
  ...['', 'fault', 'lost', 'missing', 'failed of requests', 'worst', 'recovered', 'late', 'verdict'],
])

/** One cell for a terminal. */
export function lineOf(cell: Cell): string {
  const failed = Object.entries(cell.failed).map(([status, count]) => `${count} × ${status}`)
  return line([
    cell.row,
    cell.title.length > 58 ? `${cell.title.slice(0, 57)}…` : cell.title,
    `${cell.lost} of ${cell.sessions}`,
    String(cell.missing),
    `${failed.join(', ') || 'none'} of ${cell.requests}`,
    `${cell.worstWaitMs} ms`,
    `${cell.recoveredMs} ms`,
    String(cell.late),
    [cell.verdict, cell.note].filter(Boolean).join('; '),
  ])
}
