import { newerVersion, type Snapshot } from './changes.js'
import { decode } from './codec.js'
import { publishSession } from './events.js'
import { type CallOptions, isExpired, isTombstone, type SessionStore } from './store.js'

/** What stands under the key of a session. `ended`: its tombstone, or a record past its absolute deadline. */
export type Found =
  { readonly state: 'live'; readonly snapshot: Snapshot } | { readonly state: 'absent' | 'ended' | 'undecodable' }

/** Reads a session. Rejects with `StoreUnavailableError`, also for a record of a newer version; tells of what it cannot read. */
export async function findSession(
  store: SessionStore,
  key: string,
  clock: () => number,
  options?: CallOptions,
): Promise<Found> {
  const record = await store.read(key, options)
  const now = clock()
  if (!record || isExpired(record, now)) return { state: 'absent' }
  if (isTombstone(record)) return { state: 'ended' }
  const decoded = decode(record.data as string)
  if (decoded.state === 'ok') {
    const { envelope } = decoded
    return envelope.absoluteAt > now ? { state: 'live', snapshot: { record, envelope } } : { state: 'ended' }
  }
  if (decoded.state === 'newer') {
    publishSession({ type: 'newer-version', version: decoded.version })
    throw newerVersion(decoded.version)
  }
  publishSession({ type: 'undecodable', reason: decoded.reason })
  return { state: 'undecodable' }
}
