import {
  ConfigError,
  isConfigError,
  isReservedKey,
  listsKeys,
  type MigrationPhase,
  type MigrationStatus,
  migrationStatus,
  moveMigration,
  type SessionStore,
} from '@holdfast/core'
import { Command, Option } from 'commander'
import { NO, run, withStore } from '../run.js'
import { instant, table } from '../table.js'
import type { Terminal } from '../terminal.js'

interface MigrateOptions {
  readonly store: string
  readonly from?: string
  readonly json: boolean
}

const MOVES: Readonly<Record<MigrationPhase, string>> = {
  off: 'one step back from shadow: sessions are in the old store alone, as before; from done: begins anew',
  shadow: 'the old store decides, the new one gets copies and is compared',
  switch: 'the old store decides, both must take each change, both are read',
  drain: 'the new store decides, and what only the old one has is brought over',
  done: 'the new store alone; the old one may be switched off',
}

const NEXT: Readonly<Record<MigrationPhase, string>> = {
  off: 'Next: migrate shadow, when all processes have migrateFrom in their options.',
  shadow: 'Next: migrate switch, when nothing differs any more. Back: migrate off.',
  switch: 'Next: migrate drain. Back: migrate shadow.',
  drain: 'Next: migrate done. Back: migrate switch.',
  done: 'Next: deploy without migrateFrom, then switch the old store off. Back: migrate drain.',
}

/** `migrate status`, and one command for each phase, which moves there. */
export function migrateCommand(terminal: Terminal): Command {
  const command = new Command('migrate').description('moves the sessions of running processes to another store')
  const withOptions = (name: string, description: string): Command =>
    command
      .command(name)
      .description(description)
      .addOption(
        new Option('--store <url>', 'the store they move to, as the app has it')
          .env('SESSION_STORE')
          .makeOptionMandatory(),
      )
      .option('--json', 'for programs', false)

  withOptions('status', 'shows the phase, the processes and how far it is')
    .option('--from <url>', 'the store they move from: counts what is only there')
    .action((options: MigrateOptions) =>
      run(terminal, () =>
        inStore(options, async (to) => {
          const status = await migrationStatus(to)
          await show(terminal, status, options, options.from === undefined ? undefined : await left(options.from, to))
          return 0
        }),
      ),
    )
  for (const [phase, description] of Object.entries(MOVES) as [MigrationPhase, string][])
    withOptions(phase, description).action((options: MigrateOptions) =>
      run(terminal, () => inStore(options, (to) => move(terminal, to, phase, options))),
    )
  return command
}

/** The processes tell each other in the store that they move to, so it must be one that is reached from here. */
function inStore({ store }: MigrateOptions, use: (to: SessionStore) => Promise<number>): Promise<number> {
  const scheme = /^(peer|memory):/i.exec(store)?.[1]?.toLowerCase()
  if (scheme !== undefined) {
    throw new ConfigError(
      `'${scheme}:' keeps sessions, and the phase of a migration, in the app's own processes, which are not reached from here. Move there in the app: await moveMigration(store, 'shadow'), or deploy it with migrate({ from, to, phase: 'shadow' }).`,
    )
  }
  return withStore(store, use)
}

async function move(
  terminal: Terminal,
  to: SessionStore,
  phase: MigrationPhase,
  options: MigrateOptions,
): Promise<number> {
  try {
    await show(terminal, await moveMigration(to, phase), options)
    return 0
  } catch (error) {
    if (!isConfigError(error)) throw error
    if (options.json) await terminal.print(JSON.stringify({ refused: error.message }))
    else terminal.complain(error.message)
    return NO
  }
}

/** What the old store still has. */
interface Left {
  /** Live sessions and lists of users in the old store. `undefined`: it cannot list them. */
  readonly inFrom: number | undefined
  /** Those of them that the new one does not know. */
  readonly onlyInFrom: number | undefined
}

const AT_ONCE = 32

function left(url: string, to: SessionStore): Promise<Left> {
  return withStore(url, async (from) => {
    if (!listsKeys(from)) return { inFrom: undefined, onlyInFrom: undefined }
    let [inFrom, onlyInFrom] = [0, 0]
    const count = async (key: string): Promise<void> => {
      const record = await from.read(key)
      if (!record || record.data === null) return
      inFrom++
      if (!(await to.read(key))) onlyInFrom++
    }
    let batch: Promise<void>[] = []
    for await (const key of from.keys()) {
      if (isReservedKey(key)) continue
      if (batch.push(count(key)) < AT_ONCE) continue
      await Promise.all(batch)
      batch = []
    }
    await Promise.all(batch)
    return { inFrom, onlyInFrom }
  })
}

async function show(
  { print }: Terminal,
  status: MigrationStatus,
  { json }: MigrateOptions,
  left?: Left,
): Promise<void> {
  if (json) return print(JSON.stringify({ ...status, ...left }))
  for (const line of table(headOf(status, left))) await print(line)
  await print()
  for (const line of nodesOf(status)) await print(line)
  await print(`\n${nextOf(status)}`)
}

function nextOf({ phase, nodes }: MigrationStatus): string {
  const isBehind = nodes.some(({ phases }) => phases.some((one) => one !== phase))
  return isBehind ? `Not every process is in ${phase} yet: look again in some seconds.` : NEXT[phase]
}

function headOf({ phase, since, sweep, waitsUntil }: MigrationStatus, left: Left | undefined): readonly string[][] {
  const by = sweep?.doneAt === undefined ? 'so far' : `done at ${instant(sweep.doneAt)}`
  return [
    ['phase', `${phase}, since ${instant(since)} UTC`],
    ...(sweep
      ? [
          [
            'sweep',
            `of the ${sweep.of === 'from' ? 'old' : 'new'} store: ${sweep.seen} seen, ${sweep.brought} brought over, ${by}`,
          ],
        ]
      : []),
    ...(waitsUntil === undefined
      ? []
      : [
          [
            'waits',
            `until ${instant(waitsUntil)} UTC, or until a sweep is done: some sessions may be in one store alone`,
          ],
        ]),
    ...(left ? [['old store', leftInWords(left)]] : []),
  ]
}

const leftInWords = ({ inFrom, onlyInFrom }: Left): string =>
  inFrom === undefined
    ? 'cannot list its sessions'
    : `${inFrom} sessions and lists of users, of which the new one does not know ${onlyInFrom}`

function nodesOf({ nodes }: MigrationStatus): readonly string[] {
  if (nodes.length === 0) return ['No process takes part.']
  const rows = nodes.map(({ name, phases, lastSeenAt, shadow }) => {
    const { compared, differed, failed } = shadow
    return [name, phases.join(' → '), instant(lastSeenAt), compared, differed, failed]
  })
  return table([['PROCESS', 'PHASE', 'LAST SEEN (UTC)', 'COMPARED', 'DIFFERED', 'NOT COPIED'], ...rows])
}
