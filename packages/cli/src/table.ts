/** Cells side by side, each filled up to its width; a longer one is whole, as it is to be copied. Numbers stand to the right. */
export const row = (widths: readonly number[], cells: readonly (string | number)[]): string =>
  cells
    .map((cell, at) => {
      const width = widths[at] ?? 0
      return typeof cell === 'number' ? String(cell).padStart(width) : safe(cell).padEnd(width)
    })
    .join('  ')
    .trimEnd()

/** All cells of a column in its widest one's width. */
export function table(rows: readonly (readonly (string | number)[])[]): readonly string[] {
  const columns = Math.max(0, ...rows.map((cells) => cells.length))
  const widths = Array.from({ length: columns }, (_, at) =>
    Math.max(...rows.map((cells) => String(cells[at] ?? '').length)),
  )
  return rows.map((cells) => row(widths, cells))
}

/** What visitors have written may hold what moves the cursor or turns the direction of a terminal. */
export const safe = (text: string): string =>
  text.replace(
    // eslint-disable-next-line no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** `2026-11-29 14:05:10`, in UTC; what is no date of four digits has no end. */
export const instant = (ms: number): string =>
  ms < YEAR_10000 ? new Date(ms).toISOString().slice(0, 19).replace('T', ' ') : 'no end'

const YEAR_10000 = Date.UTC(10_000, 0)

/** Broken at blanks into lines of `width` characters; each but the first begins with `indent`. */
export function wrapped(text: string, indent: string, width = 100): string {
  let line = ''
  const lines: string[] = []
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length >= width - indent.length) {
      lines.push(line)
      line = word
    } else line += line === '' ? word : ` ${word}`
  }
  return [...lines, line].join(`\n${indent}`)
}
