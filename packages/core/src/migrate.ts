import type { Duration } from './duration.js'
import { toMs } from './duration.js'
import { guard } from './guard.js'
import { layerOver } from './layers.js'
import { MigratingSessions, type Side } from './migrating-store.js'
import { leaseOf } from './migration-moves.js'
import { MigrationNode } from './migration-node.js'
import { isReservedKey, type MigrationPhase, PHASES } from './migration-record.js'
import { MigrationSweep } from './migration-sweep.js'
import { functionOf, oneOf, refuseUnknown } from './option-checks.js'
import { askReady } from './ready.js'
import { ShadowCheck, type ShadowCounts } from './shadow-check.js'
import { type CallOptions, type Health, listsKeys, ranksNodes, reportsChanges, type SessionStore } from './store.js'

export interface MigrateOptions {
  /** Where sessions are now. */
  readonly from: SessionStore
  /** Where they shall be. */
  readonly to: SessionStore
  /**
   * This process works in that phase, as soon as it may: while all others are next to it. The first process that wants the
   * next phase moves the migration on; one that wants the one before moves it back when no other is left in this one.
   * Default: it follows the record in `to`, which `moveMigration` moves.
   */
  readonly phase?: MigrationPhase | undefined
  /**
   * How often a process looks which phase it is. One that shows no sign of life for three times as long takes no part any
   * more. Default `'5s'`.
   */
  readonly lookEvery?: Duration | undefined
  /**
   * The longest absolute lifetime of a session, `remember.absolute` of the options: so long `drain` takes where `from`
   * cannot list its keys. Default `'90d'`.
   */
  readonly absolute?: Duration | undefined
  /** Ms since the epoch; default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

/** What one process does in a migration. */
export interface MigratingStatus {
  /** Undefined: it does not work, for it does not know the phase. */
  readonly phase: MigrationPhase | undefined
  readonly shadow: ShadowCounts
}

export interface MigratingStore extends SessionStore {
  status(): MigratingStatus
  /** Takes no more part in the migration. The stores stay open; `close()` closes them too. */
  release(): Promise<void>
}

/**
 * Moves the sessions of a running site from one store to another without a logout, in phases that follow each other by one
 * step, forward or back, while processes in neighbouring phases work side by side:
 *
 * `off`: `from` alone. `shadow`: `from` decides, and `to` gets copies, whatever comes of that; what is read is compared.
 * `switch`: `from` decides, both must take each write, and what both say counts. `drain`: `to` decides; what only `from` has
 * is brought over, and counts until all has been. `done`: `to` alone.
 *
 * `to` being away stops nothing in `off` and `shadow`. In `switch` both are needed, and in `drain` until `from` has been
 * brought over. A process two phases away from another refuses to work: `ready()` and all calls reject with a sentence. Goes
 * above `failover` and `replicate`, below `nearCache`.
 */
export function migrate(options: MigrateOptions): MigratingStore {
  const { from, to, phase, lookEvery = '5s', absolute = '90d', clock, ...unknown } = options
  refuseUnknown('migrate.', unknown)
  const config = {
    wanted: oneOf('migrate: phase', phase, PHASES),
    ...leaseOf(lookEvery),
    absoluteMs: toMs(absolute, 'migrate: absolute'),
    clock: functionOf('clock', clock) ?? Date.now,
  }
  return layerOver('migrate', [from, to], () => over(guard(from), guard(to), config))
}

function over(
  from: SessionStore,
  to: SessionStore,
  config: Omit<ConstructorParameters<typeof MigrationNode>[0], 'from' | 'to' | 'onLook' | 'counts'>,
): MigratingStore {
  const sides: { readonly from: Side; readonly to: Side } = {
    from: { name: 'from', store: from },
    to: { name: 'to', store: to },
  }
  const shadow = new ShadowCheck(sides.from, sides.to)
  const node = new MigrationNode({ ...config, from, to, counts: () => shadow.counts, onLook: () => sweep.check() })
  const sessions = new MigratingSessions(sides.from, sides.to, node, shadow)
  const sweep = new MigrationSweep(sessions, sides, node, config.clock)
  const stores = [from, to]

  /** That decides. */
  const deciding = (): SessionStore => (node.phase === 'drain' || node.phase === 'done' ? to : from)

  const release = async (): Promise<void> => {
    await sweep.stop()
    await node.leave()
    await shadow.settled()
  }

  return {
    name: 'migrate',
    guarded: true,
    read: (key, call) => sessions.read(key, call),
    write: (key, record, condition, call) => sessions.write(key, record, condition, call),
    touch: (key, record, expiresAt, call) => sessions.touch(key, record, expiresAt, call),
    async ready(call?: CallOptions) {
      const phase = await node.ready(call)
      if (phase !== 'done') await askReady(from, call)
      if (phase !== 'off' && phase !== 'shadow') await askReady(to, call)
    },
    health: (): Health => deciding().health?.() ?? { ok: true },
    async drain(call?: CallOptions) {
      await Promise.all(stores.map(async (store) => store.drain?.(call)))
    },
    ...(stores.some(ranksNodes) && {
      nodesOf(key: string) {
        const store = deciding()
        return ranksNodes(store) ? store.nodesOf(key) : []
      },
    }),
    ...(stores.every(listsKeys) && {
      async *keys(call?: CallOptions): AsyncIterable<string> {
        const phase = await node.ready(call)
        const used = phase === 'done' ? [to] : phase === 'off' || phase === 'shadow' ? [from] : stores
        for (const store of used) {
          if (!listsKeys(store)) continue
          for await (const key of store.keys(call)) if (!isReservedKey(key)) yield key
        }
      },
    }),
    ...(stores.every(reportsChanges) && {
      onChange(listener: (key: string | undefined) => void) {
        const stops = stores.map((store) => (reportsChanges(store) ? store.onChange(listener) : () => {}))
        return () => stops.forEach((stop) => stop())
      },
    }),
    status: () => ({ phase: node.phase, shadow: shadow.counts }),
    release,
    async close() {
      await release()
      await Promise.all(stores.map((store) => store.close()))
    },
  } satisfies MigratingStore
}
