import { toMs, type Duration } from './duration.js'
import { ConfigError } from './errors.js'
import { guard } from './guard.js'
import {
  changeMigration,
  keepsInFrom,
  keepsInTo,
  type Migration,
  type MigrationNode,
  type MigrationPhase,
  newMigration,
  PHASES,
  readMigration,
  stepsBetween,
  type Sweep,
} from './migration-record.js'
import { functionOf, oneOf } from './option-checks.js'
import type { ShadowCounts } from './shadow-check.js'
import { show } from './show.js'
import type { SessionStore } from './store.js'

/** What an operator sees of a migration. Times in ms since the epoch. */
export interface MigrationStatus {
  readonly phase: MigrationPhase
  readonly since: number
  /** The processes that are registered. One in two phases is on its way from one to the next. */
  readonly nodes: readonly {
    readonly name: string
    readonly phases: readonly MigrationPhase[]
    readonly lastSeenAt: number
    readonly shadow: ShadowCounts
  }[]
  /** Of `from` in `drain`; of `to` in `switch`, after a step back. */
  readonly sweep: (Sweep & { readonly of: 'from' | 'to' }) | undefined
  /** When `done` may follow `drain`, or `shadow` follow `switch`, although no sweep has passed; undefined: at once. */
  readonly waitsUntil: number | undefined
}

export interface MoveOptions {
  /** Ms since the epoch; default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

/** The migration into this store. Without one it is `off`. Rejects with `StoreUnavailableError`. */
export async function migrationStatus(
  to: SessionStore,
  { clock = Date.now }: MoveOptions = {},
): Promise<MigrationStatus> {
  return statusOf((await readMigration(guard(to))) ?? newMigration(clock()), clock())
}

/**
 * Moves the phase by one step, forward or back, and resolves when the record says so; the processes follow within their
 * `lookEvery`. Already there: nothing to do. Rejects with `ConfigError` when it is not the next one, while a live process
 * has not followed the last move, and before all that is only in the other store was brought over. A process that was
 * killed is waited for, as long as its lease runs (three times its `lookEvery`). From `done`, `off` begins anew, once no
 * process takes part.
 */
export async function moveMigration(
  to: SessionStore,
  phase: MigrationPhase,
  { clock: given }: MoveOptions = {},
): Promise<MigrationStatus> {
  oneOf('moveMigration: phase', phase, PHASES)
  const clock = functionOf('clock', given) ?? Date.now
  const store = guard(to)
  const signs = new SignsOfLife()
  for (;;) {
    let refusal: MoveRefusal | undefined
    const migration = await changeMigration(store, clock, (before) => {
      const alive = signs.withoutDead(before)
      refusal = alive.phase === phase ? undefined : refusalToMove(alive, phase, clock())
      return refusal || alive.phase === phase ? undefined : moved(alive, phase, clock())
    })
    if (!refusal) return statusOf(migration, clock())
    const { sentence, waitsFor } = refusal
    if (waitsFor.length === 0 || waitsFor.some((id) => signs.isAlive(id))) throw new ConfigError(sentence)
    await new Promise((resolve) => setTimeout(resolve, WATCH_MS))
  }
}

const WATCH_MS = 100

function statusOf(migration: Migration, now: number): MigrationStatus {
  const { phase, since, nodes } = migration
  const { from, to } = migration.sweeps
  const waitsUntil = phase === 'drain' ? safeAt(migration, 'from') : phase === 'switch' ? safeAt(migration, 'to') : 0
  return {
    phase,
    since,
    nodes: Object.values(nodes).map(({ name, phases, at, shadow }) => ({ name, phases, lastSeenAt: at, shadow })),
    sweep: phase === 'switch' && to ? { of: 'to', ...to } : from && { of: 'from', ...from },
    waitsUntil: waitsUntil > now ? waitsUntil : undefined,
  }
}

/** When nothing that counts is in this store alone any more. */
function safeAt({ sweeps, lastIn, absoluteMs }: Migration, store: 'from' | 'to'): number {
  if (sweeps[store]?.doneAt !== undefined) return 0
  const last = lastIn[store]
  return last === undefined ? 0 : last + absoluteMs
}

export interface MoveRefusal {
  readonly sentence: string
  /** The nodes that are in the way; none: another reason. */
  readonly waitsFor: readonly string[]
}

/** Why the phase may not be moved there now. */
export function refusalToMove(migration: Migration, phase: MigrationPhase, now: number): MoveRefusal | undefined {
  const { phase: current, nodes } = migration
  const refuse = (sentence: string, waitsFor: readonly string[] = []): MoveRefusal => ({ sentence, waitsFor })
  const isNew = current === 'done' && phase === 'off'
  if (!isNew && stepsBetween(current, phase) !== 1) {
    return refuse(
      `migrate: the phase is ${show(current)}, and ${show(phase)} is not next to it. Go one step at a time: ${PHASES.join(', ')}.`,
    )
  }
  const behind = Object.entries(nodes).filter(
    ([, node]) => isNew || node.phases.some((one) => one !== current && one !== phase),
  )
  const [first] = behind
  if (first) {
    const others = behind.length > 1 ? ` and ${behind.length - 1} more` : ''
    const what = isNew
      ? `takes part in the migration that is done. Begin a new one when no process has this migration in its options`
      : `is in ${show(first[1].phases[0])} and not in ${show(current)} yet. Wait for it, or stop it, before the phase moves to ${show(phase)}`
    return refuse(
      `migrate: the process ${first[1].name}${others} ${what}.`,
      behind.map(([id]) => id),
    )
  }
  const source = phase === 'done' ? 'from' : current === 'switch' && phase === 'shadow' ? 'to' : undefined
  const until = source ? safeAt(migration, source) : 0
  if (source === undefined || until <= now) return undefined
  return refuse(
    `migrate: some sessions may still be in \`${source}\` alone, so the phase cannot move from ${show(current)} to ${show(phase)} yet. Wait for the sweep, where \`${source}\` can list its keys, or until ${new Date(until).toISOString()}.`,
  )
}

export function moved(migration: Migration, phase: MigrationPhase, now: number): Migration {
  if (migration.phase === 'done' && phase === 'off') return newMigration(now)
  const { sweeps, lastIn } = migration
  return {
    ...migration,
    phase,
    since: now,
    moves: migration.moves + 1,
    isSourceClosed: migration.isSourceClosed && !keepsInFrom(phase),
    sweeps: keepsInFrom(phase) ? {} : keepsInTo(phase) && sweeps.from ? { from: sweeps.from } : sweeps,
    lastIn: keepsInFrom(phase) && lastIn.from !== undefined ? { from: lastIn.from } : lastIn,
  }
}

/**
 * Which processes are alive, by the clock of this one alone: a node that shows no sign of life while it is watched for as
 * long as its lease has stopped acting by what it knew before.
 */
export class SignsOfLife {
  readonly #seen = new Map<string, { beat: number; since: number; isAlive: boolean }>()

  /** The migration as it is without those that have ended. `own` has not. */
  withoutDead(migration: Migration, own?: string): Migration {
    const now = performance.now()
    const isDead = (id: string, { beat, leaseMs }: MigrationNode): boolean => {
      const seen = this.#seen.get(id)
      if (seen?.beat === beat) return id !== own && now - seen.since > leaseMs * CLOCK_DRIFT
      this.#seen.set(id, { beat, since: now, isAlive: seen !== undefined })
      return false
    }
    const nodes = Object.entries(migration.nodes)
    const alive = nodes.filter(([id, node]) => !isDead(id, node))
    return alive.length === nodes.length ? migration : { ...migration, nodes: Object.fromEntries(alive) }
  }

  /** It showed a sign of life while it was watched. */
  isAlive(id: string): boolean {
    return this.#seen.get(id)?.isAlive ?? false
  }
}

const CLOCK_DRIFT = 1.05

/** Used by both. */
export const leaseOf = (lookEvery: Duration): { readonly lookEveryMs: number; readonly leaseMs: number } => {
  const lookEveryMs = toMs(lookEvery, 'migrate: lookEvery')
  return { lookEveryMs, leaseMs: 3 * lookEveryMs }
}
