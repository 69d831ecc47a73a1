import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { columns } from './columns/index.js'
import { expectedOn, type Cell, type Scale } from './row.js'
import { rows } from './rows/index.js'
import { ColumnRun } from './run-cell.js'
import { headLine, lineOf } from './table.js'

// npm run faults -- redis                       every fault on every column of that family
// npm run faults -- redis-cluster --row 2 --row 1c

const file = new URL('../../docs/faults.json', import.meta.url)
const scale: Scale = { visitors: 100, workers: 16, holdMs: 10_000, atOnce: 10_000 }

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { row: { type: 'string', multiple: true } },
})
const wanted = rows.filter(({ number }) => values.row?.includes(number) ?? true)
const chosen = columns.filter(
  ({ name, family }) => positionals.length === 0 || positionals.some((word) => word === name || word === family),
)
if (wanted.length === 0 || chosen.length === 0) {
  console.error(`There is no such cell. Rows: ${rows.map(({ number }) => number).join(' ')}`)
  console.error(`Columns: ${columns.map(({ name, family }) => `${name} (${family})`).join(' ')}`)
  process.exit(2)
}

const cells: Cell[] = []
for (const column of chosen) {
  console.log(`\n${column.title}\n${headLine}`)
  const run = new ColumnRun(column, scale)
  for (const row of wanted) {
    if (expectedOn(row, column.name) === undefined) continue
    const cell = await run.cell(row)
    cells.push(cell)
    console.log(lineOf(cell))
    await save(cell)
  }
  await run.stop()
}
if (cells.some(({ verdict }) => verdict !== 'holds')) process.exitCode = 1

/** Puts one cell into the file, which keeps the others, in the order of rows and columns. */
async function save(cell: Cell): Promise<void> {
  const before = JSON.parse(await readFile(file, 'utf8').catch(() => '[]')) as readonly Cell[]
  const isSame = (other: Cell): boolean => other.row === cell.row && other.column === cell.column
  const all = [...before.filter((other) => !isSame(other)), cell]
  const placeOf = ({ row, column }: Cell): number =>
    rows.findIndex(({ number }) => number === row) * columns.length + columns.findIndex(({ name }) => name === column)
  all.sort((a, b) => placeOf(a) - placeOf(b))
  await writeFile(
    file,
    `${JSON.stringify(all, null, 2)}
`,
  )
}
