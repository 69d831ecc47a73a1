import { diagnoses, type Diagnoses, joinDiagnoses } from './diagnosis.js'
import { type Duration, toMs } from './duration.js'
import { ConfigError } from './errors.js'
import { guard } from './guard.js'
import { layerOver } from './layers.js'
import { Member, MEMBER_KEY, type MemberState } from './member.js'
import { functionOf, wholeNumber, wrong } from './option-checks.js'
import { rendezvous } from './rendezvous.js'
import { Replicas, type ReplicasOptions } from './replicas.js'
import { show } from './show.js'
import {
  type CallOptions,
  listsKeys,
  type ListsKeys,
  reportsChanges,
  type ReportsChanges,
  type SessionStore,
} from './store.js'

export interface CopyOptions {
  /** The longest idle time of a session, `remember.idle` of the options: so long a store that lost its data may lack one. Default `'30d'`. */
  readonly idle?: Duration | undefined
  /** Ms since the epoch; default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

export interface ReplicateOptions extends CopyOptions {
  /** On how many of the stores each session stands. Default 2. */
  readonly copies?: number | undefined
}

export interface FailoverOptions extends CopyOptions {
  /** Allows a standby in the memory of this process beside a primary that processes share: there is but one process. */
  readonly singleProcess?: boolean | undefined
}

/** A store made of stores. */
export interface ReplicatedStore extends SessionStore {
  /** What is thought of each store, and since when. */
  status(): readonly MemberState[]
  /** Stops looking after its stores, which stay open; `close()` closes them too. */
  release(): void
}

/**
 * Keeps each session on `copies` of the stores: a primary and backups, chosen by its key from their names, so that a list
 * that changes by fewer than `copies` stores at a time moves only their share. Any one store may die, hang or come back
 * empty: nothing acknowledged is lost, unless an event said `degraded`. The names must be the same in every process.
 */
export function replicate(
  stores: Readonly<Record<string, SessionStore>>,
  { copies = 2, ...options }: ReplicateOptions = {},
): ReplicatedStore {
  const names = Object.keys(stores)
  for (const name of names)
    if (!/^[\w.:@-]{1,100}$/.test(name))
      throw wrong('replicate: the name of a store', name, "one such as 'cache-a' or 'cache-a:11211'")
  if (names.length < 2) throw new ConfigError(`replicate: there are ${names.length} stores. Give two or more, by name.`)
  wholeNumber('replicate: copies', copies, 2, names.length)
  return layerOver('replicate', Object.values(stores), () => {
    const members = membersOf(stores, options)
    return withCapabilities({ name: 'replicate', members, rank: rendezvous(members), copies })
  })
}

/**
 * Keeps each session on both stores, so that logins go on while one of them is away; when it is back, what was written
 * meanwhile is on it once it is used. The primary decides while it is there.
 */
export function failover(
  primary: SessionStore,
  standby: SessionStore,
  { singleProcess = false, ...options }: FailoverOptions = {},
): ReplicatedStore {
  if (standby.name === 'memory' && primary.name !== 'memory' && !singleProcess) {
    throw new ConfigError(
      `failover: the standby is the memory of this process, which other processes do not see, beside ${show(primary.name)}. Give a store that all share, or say singleProcess: true.`,
    )
  }
  return layerOver('failover', [primary, standby], () => {
    const members = membersOf({ primary, standby }, options)
    return withCapabilities({ name: 'failover', members, rank: () => members, copies: 2 })
  })
}

function membersOf(
  stores: Readonly<Record<string, SessionStore>>,
  { idle = '30d', clock }: CopyOptions,
): readonly Member[] {
  const now = functionOf('clock', clock) ?? Date.now
  const fillingMs = toMs(idle, 'idle')
  return Object.entries(stores).map(([name, store]) => new Member(name, guard(store), now, fillingMs))
}

/**
 * Keys and changes of all of them, where all of them tell; a drain goes to each. What one of them thinks of its health or
 * of the nodes of a session does not hold for all.
 */
function withCapabilities(options: ReplicasOptions): ReplicatedStore {
  const stores = options.members.map(({ store }) => store)
  const replicas = new Replicas(options)
  const keys: ListsKeys = {
    async *keys(call) {
      for (const store of stores) {
        if (!listsKeys(store)) continue
        for await (const key of store.keys(call)) if (key !== MEMBER_KEY) yield key
      }
    },
  }
  const changes: ReportsChanges = {
    onChange(listener) {
      const stops = stores.map((store) => (reportsChanges(store) ? store.onChange(listener) : () => {}))
      return () => stops.forEach((stop) => stop())
    },
  }
  const looks: Diagnoses = {
    diagnose: async (call) =>
      joinDiagnoses(await Promise.all(stores.filter(diagnoses).map((store) => store.diagnose(call)))),
  }
  const drains = {
    async drain(call?: CallOptions) {
      await Promise.all(stores.map(async (store) => store.drain?.(call)))
    },
  }
  const others = {
    ...(stores.some(diagnoses) && looks),
    ...(stores.every(listsKeys) && keys),
    ...(stores.every(reportsChanges) && changes),
  }
  return Object.assign(replicas, drains, others)
}
