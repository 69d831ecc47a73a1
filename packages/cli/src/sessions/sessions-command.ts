import { administer, type Administration, ConfigError, type ListedSession } from '@holdfast/core'
import { Command, Option } from 'commander'
import { NO, run, withStore } from '../run.js'
import { instant, row, safe, table } from '../table.js'
import type { Terminal } from '../terminal.js'
import { redacted } from './redacted.js'

interface StoreOptions {
  readonly store: string
  readonly json: boolean
}

type Listing = AsyncIterable<ListedSession> | Iterable<ListedSession>

/** `sessions ls`, `show`, `destroy`. */
export function sessionsCommand(terminal: Terminal): Command {
  const command = new Command('sessions').description('looks at the sessions of a store, and ends them')
  const withOptions = (name: string): Command =>
    command
      .command(name)
      .addOption(new Option('--store <url>', 'the store, as the app has it').env('SESSION_STORE').makeOptionMandatory())
      .option('--json', 'for programs', false)

  withOptions('ls')
    .description('lists the live sessions, one a line')
    .option('--user <id>', 'only those of one user, by what bindUser was given')
    .action((options: StoreOptions & { user?: string }) =>
      inStore(terminal, options, async (sessions) => {
        const { user, json } = options
        return list(terminal, user === undefined ? sessions.list() : await sessions.listByUser(user), json)
      }),
    )

  withOptions('show <hash>')
    // One hash in 64 begins with '-'; what is a misspelt option is one argument too many.
    .allowUnknownOption()
    .description('shows one session, by what session.id is in the app')
    .option('--values', 'with what stands in its fields', false)
    .action((hash: string, options: StoreOptions & { values: boolean }) =>
      inStore(terminal, options, (sessions) => show(terminal, sessions, hash, options)),
    )

  withOptions('destroy [hash]')
    .allowUnknownOption()
    .description('ends a session, or all of a user, also for requests that are under way')
    .option('--user <id>', 'all sessions of one user')
    .action((hash: string | undefined, options: StoreOptions & { user?: string }) =>
      inStore(terminal, options, async (sessions) => {
        const { user, json } = options
        if (hash !== undefined && user === undefined) return destroy(terminal, sessions, hash, json)
        if (hash === undefined && user !== undefined) return destroyAll(terminal, sessions, user, json)
        throw new ConfigError('Give the hash of a session, or --user, and not both.')
      }),
    )

  return command
}

const inStore = (
  terminal: Terminal,
  { store }: StoreOptions,
  use: (sessions: Administration) => Promise<number>,
): Promise<void> => run(terminal, () => withStore(store, (opened) => use(administer(opened))))

const WIDTHS = [43, 24, 19, 19, 19, 7]

async function list({ print }: Terminal, sessions: Listing, json: boolean): Promise<number> {
  if (!json) await print(row(WIDTHS, ['HASH', 'USER', 'CREATED (UTC)', 'ENDS', 'AT THE LATEST', '  BYTES']))
  let count = 0
  for await (const session of sessions) {
    count++
    await print(json ? JSON.stringify(summary(session)) : lineOf(session))
  }
  if (!json) await print(`\n${count} session${count === 1 ? '' : 's'}`)
  return 0
}

function lineOf(session: ListedSession): string {
  if (session.state === 'unreadable') {
    return row(WIDTHS, [session.id, '', '', instant(session.expiresAt), `unreadable: ${session.reason}`])
  }
  const { id, userId, createdAt, expiresAt, absoluteExpiresAt, bytes } = session
  return row(WIDTHS, [id, userId ?? '', instant(createdAt), instant(expiresAt), instant(absoluteExpiresAt), bytes])
}

/** Without its data. */
function summary(session: ListedSession): object {
  if (session.state === 'unreadable') return session
  const { data: _, ...rest } = session
  return rest
}

async function show(
  terminal: Terminal,
  sessions: Administration,
  hash: string,
  { json, values }: { readonly json: boolean; readonly values: boolean },
): Promise<number> {
  const session = await sessions.get(hash)
  if (!session) return none(terminal, json)
  const { print } = terminal
  if (session.state === 'unreadable') {
    await print(json ? JSON.stringify(session) : `${session.id} cannot be read: ${session.reason}.`)
    return 0
  }
  const data = values ? session.data : redacted(session.data)
  if (json) await print(JSON.stringify({ ...summary(session), ...(values ? { data } : { fields: data }) }))
  else for (const line of pageOf(session, data, values)) await print(line)
  return 0
}

function pageOf(
  session: Extract<ListedSession, { readonly state: 'live' }>,
  data: Readonly<Record<string, unknown>>,
  values: boolean,
): readonly string[] {
  const { id, userId, createdAt, expiresAt, absoluteExpiresAt, remembered, bytes } = session
  const head = table([
    ['hash', id],
    ['user', userId ?? '(none: bindUser was not called)'],
    ['created', `${instant(createdAt)} UTC`],
    ['ends', `${instant(expiresAt)} UTC, unless it is used`],
    ['at the latest', `${instant(absoluteExpiresAt)} UTC${remembered ? ', as remember() was called' : ''}`],
    ['data', `${bytes} bytes${values ? '' : '; --values shows what stands in it'}`],
  ])
  const fields = Object.entries(data).map(([name, value]) => [
    `  ${name}`,
    values ? JSON.stringify(value) : String(value),
  ])
  return [...head, ...table(fields)]
}

async function destroy(terminal: Terminal, sessions: Administration, hash: string, json: boolean): Promise<number> {
  if (!(await sessions.destroy(hash))) return none(terminal, json)
  await terminal.print(json ? JSON.stringify({ destroyed: 1 }) : 'Ended.')
  return 0
}

async function destroyAll({ print }: Terminal, sessions: Administration, user: string, json: boolean): Promise<number> {
  const destroyed = await sessions.destroyByUser(user)
  const count = `${destroyed} session${destroyed === 1 ? '' : 's'}`
  await print(json ? JSON.stringify({ destroyed }) : `Ended ${count} of ${safe(user)}.`)
  return 0
}

async function none({ print, complain }: Terminal, json: boolean): Promise<number> {
  if (json) await print(JSON.stringify({ state: 'none' }))
  else complain('There is no such session: it never was, or it has ended.')
  return NO
}
