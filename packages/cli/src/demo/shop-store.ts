import { subscribe } from 'node:diagnostics_channel'
import {
  type AdapterContext,
  failover,
  listsKeys,
  migrate,
  type MigrationPhase,
  moveMigration,
  type SessionStore,
  type StoreAdapter,
  type StoreEvent,
} from '@holdfast/core'
import { ADAPTERS } from '../open-store.js'

/**
 * Where the sessions of this app server are, for `createSessions`. A shop is given no more than the URLs in its environment;
 * what is here beside them is for the demo, which looks at the phase twice a second and not each 5 s.
 */
export type ShopStore =
  { readonly store: string | undefined; readonly failover: string | undefined } | { readonly store: SessionStore }

const LOOK_EVERY = '500ms'
/** A place that cannot list its logins is asked until the last of them is over; here, until all visitors have come by. */
const VISITORS_MS = 1_000
const MINUTE_MS = 60_000

const {
  SESSION_STORE: store,
  SESSION_FAILOVER: standby,
  SESSION_MIGRATE_FROM: oldStore,
  SESSION_MIGRATE_FROM_FAILOVER: oldStandby,
} = process.env

let to: SessionStore | undefined
let migrating: Awaited<ReturnType<typeof startMigrating>> | undefined
let phase: MigrationPhase | undefined

subscribe('holdfast:store', (message) => {
  const event = message as StoreEvent
  if (event.type !== 'migration-phase') return
  phase = event.phase as MigrationPhase
  onPhase()
})
let onPhase = (): void => {}

/** As `createSessions({ store, failover, migrateFrom })` makes it of the same URLs. */
export async function shopStore(): Promise<ShopStore> {
  if (oldStore === undefined || store === undefined) return { store, failover: standby }
  migrating = await startMigrating(oldStore, store)
  return { store: migrating }
}

/** The phase that this app server works in, while sessions move. */
export const phaseNow = (): MigrationPhase | undefined => phase

/** Calls `listener` when this app server works in another phase. */
export function onPhaseChange(listener: () => void): void {
  onPhase = listener
}

/** Moves them all to the next phase. Rejects, with a sentence, where that may not be now. */
export async function moveOn(next: MigrationPhase): Promise<void> {
  if (!to) throw new Error('This app server has one store alone.')
  await moveMigration(to, next)
}

export async function closeStore(): Promise<void> {
  await migrating?.close()
}

async function startMigrating(from: string, into: string) {
  to = await open(into, standby)
  const source = await open(from, oldStandby)
  const absolute = listsKeys(source) ? CONTEXT.absoluteMs : VISITORS_MS
  return migrate({ from: source, to, lookEvery: LOOK_EVERY, absolute })
}

/** As in `createSessions`, whose defaults these are. */
const CONTEXT: AdapterContext = { clock: Date.now, idleMs: 30 * MINUTE_MS, absoluteMs: 12 * 60 * MINUTE_MS }

async function open(url: string, besides: string | undefined): Promise<SessionStore> {
  const adapter = await adapterOf(url)
  const opened = await adapter.open(url, CONTEXT)
  return besides === undefined ? opened : failover(opened, await open(besides, undefined))
}

async function adapterOf(url: string): Promise<StoreAdapter> {
  const [scheme = ''] = url.split(':', 1)
  const load = ADAPTERS[scheme] ?? (async () => (await import('@holdfast/peer')).peer)
  return load()
}
