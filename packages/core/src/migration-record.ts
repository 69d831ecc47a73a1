import { nextSnapshot, snapshotOf } from './changes.js'
import { newTag, parseData } from './codec.js'
import { isHoldfastError, StoreUnavailableError } from './errors.js'
import { MEMBER_KEY } from './member.js'
import type { ShadowCounts } from './shadow-check.js'
import type { CallOptions, SessionStore } from './store.js'

/** What a process does with two stores; see `migrate`. Only neighbours in this list may be at work at one time. */
export const PHASES = ['off', 'shadow', 'switch', 'drain', 'done'] as const
export type MigrationPhase = (typeof PHASES)[number]

/** Where the processes of a migration meet, in `to`. */
export const MIGRATION_KEY = 'holdfast-migration'
/** Whether sessions may still be kept in `from` alone, in `from`. */
export const SOURCE_KEY = 'holdfast-source'

/** Not a session, and not to be sealed: operators read it without the keys. */
export const isReservedKey = (key: string): boolean => key === MEMBER_KEY || key === MIGRATION_KEY || key === SOURCE_KEY

export interface MigrationNode {
  /** For sentences: host and process id. */
  readonly name: string
  /** What it may be at work in now: two while it goes from one to the next. */
  readonly phases: readonly MigrationPhase[]
  /** One more with each sign of life. */
  readonly beat: number
  /** When that was, by its own clock. */
  readonly at: number
  /** Without a sign of life for so long it no longer acts by what it knew. */
  readonly leaseMs: number
  /** What it has found in `shadow`. */
  readonly shadow: ShadowCounts
}

export interface Sweep {
  /** The node that is at it. */
  readonly by: string
  /** Keys that were looked at, and those that the other store lacked. */
  readonly seen: number
  readonly brought: number
  readonly startedAt: number
  readonly doneAt?: number
}

/** All that the processes of a migration agree on. Times in ms since the epoch. */
export interface Migration {
  /** New for each migration. */
  readonly id: string
  readonly phase: MigrationPhase
  readonly since: number
  /** How often the phase was moved. */
  readonly moves: number
  /** No process takes `from` alone for the truth any more: some keep sessions in `to` alone. */
  readonly isSourceClosed: boolean
  /** Of `from`, for `drain`, and of `to`, on the way back. */
  readonly sweeps: { readonly from?: Sweep | undefined; readonly to?: Sweep | undefined }
  /** When a process that writes `from` alone, or `to` alone, was last there. */
  readonly lastIn: { readonly from?: number; readonly to?: number }
  /** The longest absolute lifetime of a session that a process has told of. */
  readonly absoluteMs: number
  readonly nodes: Readonly<Record<string, MigrationNode>>
}

export const keepsInFrom = (phase: MigrationPhase): boolean => phase === 'off' || phase === 'shadow'
export const keepsInTo = (phase: MigrationPhase): boolean => phase === 'drain' || phase === 'done'

export const stepsBetween = (a: MigrationPhase, b: MigrationPhase): number =>
  Math.abs(PHASES.indexOf(a) - PHASES.indexOf(b))

/** What is where nothing was written yet. */
export const newMigration = (now: number): Migration => ({
  id: newTag(),
  phase: 'off',
  since: now,
  moves: 0,
  isSourceClosed: false,
  sweeps: {},
  lastIn: {},
  absoluteMs: 0,
  nodes: {},
})

/** One field for each node, so that stores that join copies join these too. */
const NODE_PREFIX = 'node '

function migrationOf(data: Readonly<Record<string, unknown>>): Migration {
  const nodes = Object.entries(data).flatMap(([field, value]) =>
    field.startsWith(NODE_PREFIX) ? [[field.slice(NODE_PREFIX.length), value as MigrationNode] as const] : [],
  )
  return { ...(data['migration'] as Omit<Migration, 'nodes'>), nodes: Object.fromEntries(nodes) }
}

function dataOf({ nodes, ...migration }: Migration): Readonly<Record<string, unknown>> {
  const fields = Object.entries(nodes).map(([id, node]) => [NODE_PREFIX + id, node] as const)
  return { migration, ...Object.fromEntries(fields) }
}

/** A sign of life of a process is a change, and so says when sessions were last kept in one of the stores alone. */
function withTimes(before: Migration, next: Migration, now: number): Migration {
  const phases = [before.phase, ...Object.values(before.nodes).flatMap((node) => node.phases)]
  const lastIn = { ...next.lastIn }
  if (phases.some(keepsInFrom) || before.isSourceClosed !== next.isSourceClosed) lastIn.from = now
  if (phases.some(keepsInTo)) lastIn.to = now
  return { ...next, lastIn }
}

export async function readMigration(to: SessionStore, options?: CallOptions): Promise<Migration | undefined> {
  const data = dataIn(await to.read(MIGRATION_KEY, { ...options, fresh: true }), to)
  return data && migrationOf(data)
}

/** Under compare-and-set; `edit` gives what shall stand, and may be asked again. `undefined`: as it is. */
export function changeMigration(
  to: SessionStore,
  clock: () => number,
  edit: (migration: Migration, isThere: boolean) => Migration | undefined,
): Promise<Migration> {
  return change(to, MIGRATION_KEY, clock, (data) => {
    const before = data ? migrationOf(data) : newMigration(clock())
    const edited = edit(before, data !== undefined)
    if (!edited) return [before, undefined]
    const next = withTimes(before, edited, clock())
    return [next, dataOf(next)]
  })
}

/** Whether sessions may be kept in `from` alone. A process that has read that goes by it for `leaseMs`, from when it asked. */
export interface Source {
  readonly isClosed: boolean
  /** Which move of which migration said so; none: `to` could not be asked. */
  readonly id?: string | undefined
  readonly moves: number
  readonly leaseMs: number
}

export function changeSource(
  from: SessionStore,
  clock: () => number,
  edit: (source: Source | undefined) => Source | undefined,
): Promise<Source | undefined> {
  return change(from, SOURCE_KEY, clock, (data) => {
    const before = data as unknown as Source | undefined
    const next = edit(before)
    return [next ?? before, next as Readonly<Record<string, unknown>> | undefined]
  })
}

const TEN_YEARS_MS = 315_360_000_000
/** Each loses to one that was written. */
const MOST_ATTEMPTS = 100

async function change<Result>(
  store: SessionStore,
  key: string,
  clock: () => number,
  edit: (
    data: Readonly<Record<string, unknown>> | undefined,
  ) => readonly [result: Result, next: Readonly<Record<string, unknown>> | undefined],
): Promise<Result> {
  let found = await store.read(key, { fresh: true })
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const [result, next] = edit(dataIn(found, store))
    if (!next) return result
    const now = clock()
    const life = { createdAt: now, idleMs: TEN_YEARS_MS, absoluteAt: now + TEN_YEARS_MS }
    const draft = { ...life, persistent: false, user: undefined, text: JSON.stringify(next) }
    const { record } = nextSnapshot(found && snapshotOf(found), draft, now)
    const outcome = await store.write(key, record, found ? { replaces: found } : 'absent')
    if (outcome.written) return result
    found = outcome.current
  }
  throw new StoreUnavailableError(`${store.name}: others kept changing the record ${key}.`)
}

function dataIn(
  found: Parameters<typeof snapshotOf>[0] | undefined,
  store: SessionStore,
): Readonly<Record<string, unknown>> | undefined {
  try {
    return found && parseData(snapshotOf(found).envelope.text)
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    throw new StoreUnavailableError(`${store.name}: the record of the migration cannot be read: ${error.message}`, {
      cause: error,
    })
  }
}
