import { Budget, type Pace } from './budget.js'
import { type Draft, nextSnapshot, type Snapshot, snapshotOf } from './changes.js'
import { decode, parseData } from './codec.js'
import type { Commits } from './commits.js'
import { keyOf } from './cookies.js'
import { SessionConflictError, UserSessionLimitError } from './errors.js'
import { publishSession } from './events.js'
import { offer } from './offer.js'
import type { SessionRecord, SessionStore } from './store.js'
import type { UserLimit } from './types.js'

export interface UsersOptions {
  readonly store: SessionStore
  readonly commits: Commits
  readonly clock: () => number
  readonly pace: Pace
  readonly limit: UserLimit | undefined
}

/** When the session ends at the latest, and when it was entered. */
type Entry = readonly [absoluteAt: number, addedAt: number]
type Entries = ReadonlyMap<string, Entry>
interface Index {
  /** What stands in the store; `snapshot` is missing where it cannot be decoded. */
  readonly record: SessionRecord | undefined
  readonly snapshot: Snapshot | undefined
  readonly entries: Entries
}

/** A session that was entered but not written for so long was never written. */
const PENDING_MS = 60_000
const PRUNED_FROM = 200
const MOST_ENTRIES = 1_000
const AT_ONCE = 16
/** `listByUser` and `destroyByUser` take many calls, and the latter goes on against logins that come meanwhile. */
const ALL_SESSIONS_MS = 5_000

/**
 * The sessions of each user: one record per user, under compare-and-set like any other, whose fields are session keys. A
 * session is entered before it is written and a tombstone is written before its entry goes, so none is ever missed. All
 * that is read for it is read past near caches.
 */
export class Users {
  readonly #options: UsersOptions

  constructor(options: UsersOptions) {
    this.#options = options
  }

  /** Enters a session. `replaces` is the key that it had until now, which does not count against the limit. */
  async add(
    user: string,
    entry: { readonly key: string; readonly absoluteAt: number; readonly replaces?: string | undefined },
    budget: Budget,
  ): Promise<void> {
    const { key, absoluteAt, replaces } = entry
    await this.#change(user, budget, async (entries) => {
      const others = await this.#makeRoom(user, without(entries, key), replaces, budget)
      const known = entries.get(key)
      if (known && known[0] >= absoluteAt && others.size === entries.size - 1) return undefined
      return new Map(others).set(key, [absoluteAt, this.#options.clock()])
    })
  }

  /** Puts an entry back that was evicted. Never rejects. */
  async ensure(user: string, key: string, absoluteAt: number, budget: Budget): Promise<void> {
    try {
      await this.#change(user, budget, (entries) => {
        if (entries.has(key)) return undefined
        repaired(1, 0)
        return new Map(entries).set(key, [absoluteAt, this.#options.clock()])
      })
    } catch {
      // The next touch tries again.
    }
  }

  /** The live sessions of a user. Entries that are over go. */
  async list(user: string): Promise<(Snapshot & { readonly key: string })[]> {
    const budget = new Budget(this.#options.pace, ALL_SESSIONS_MS)
    const { entries } = await this.#read(user, budget)
    const states = await this.#look(user, entries, budget)
    const over = [...states].filter(([, state]) => state === 'over').map(([key]) => key)
    if (over.length > 0) await this.forget(user, over, budget)
    return [...states].flatMap(([key, state]) => (typeof state === 'object' ? [{ key, ...state }] : []))
  }

  /** Ends the sessions of a user but one; resolves to how many tombstones it wrote. */
  async destroyAll(user: string, except: string | undefined): Promise<number> {
    const ended = new Set<string>()
    let destroyed = 0
    const { commits, pace } = this.#options
    const budget = new Budget(pace, ALL_SESSIONS_MS)
    await this.#change(user, budget, async (entries) => {
      const targets = [...entries].filter(([key]) => key !== except)
      await eachOf(targets, async ([key, [absoluteAt]]) => {
        if (ended.has(key)) return
        if (await commits.destroy(key, absoluteAt, new Budget(pace))) destroyed++
        ended.add(key)
      })
      return targets.length === 0 ? undefined : new Map([...entries].filter(([key]) => key === except))
    })
    return destroyed
  }

  /** Drops entries that are over and, at a limit, the oldest sessions: first their tombstones, then their entries. */
  async #makeRoom(user: string, entries: Entries, replaced: string | undefined, budget: Budget): Promise<Entries> {
    const { limit } = this.#options
    const most = limit?.limit ?? MOST_ENTRIES
    const count = (candidates: Entries) =>
      candidates.size - (replaced !== undefined && candidates.has(replaced) ? 1 : 0)
    if (count(entries) < Math.min(most, PRUNED_FROM)) return entries
    const states = await this.#look(user, entries, budget)
    const alive = new Map([...entries].filter(([key]) => states.get(key) !== 'over'))
    if (alive.size < entries.size) repaired(0, entries.size - alive.size)
    if (count(alive) < most) return alive
    if (limit?.whenReached === 'reject') {
      publishSession({ type: 'user-limit', action: 'rejected' })
      throw new UserSessionLimitError(limit.limit)
    }
    const oldest = [...alive].filter(([key]) => key !== replaced).sort(([, a], [, b]) => a[1] - b[1])
    const evicted = oldest.slice(0, count(alive) - most + 1)
    await eachOf(evicted, async ([key, [absoluteAt]]) => {
      await this.#options.commits.destroy(key, absoluteAt, budget)
      publishSession({ type: 'user-limit', action: 'evicted-oldest' })
    })
    for (const [key] of evicted) alive.delete(key)
    return alive
  }

  /** The state of each entry: a live session of this user, still to be written, or over. Unreadable counts as pending. */
  async #look(user: string, entries: Entries, budget: Budget): Promise<Map<string, Snapshot | 'pending' | 'over'>> {
    const { store, clock } = this.#options
    const states = new Map<string, Snapshot | 'pending' | 'over'>()
    await eachOf([...entries], async ([key, [absoluteAt, addedAt]]) => {
      if (absoluteAt <= clock()) return void states.set(key, 'over')
      const record = await budget.call((options) => store.read(key, { ...options, fresh: true }))
      if (record?.data === null) return void states.set(key, 'over')
      const decoded = record && decode(record.data as string)
      if (record && decoded?.state === 'ok' && decoded.envelope.user === user) {
        return void states.set(key, { record, envelope: decoded.envelope })
      }
      const isOver = decoded?.state !== 'newer' && clock() - addedAt > PENDING_MS
      states.set(key, isOver ? 'over' : 'pending')
    })
    return states
  }

  /** Drops entries of sessions that are over or another user's now. Never rejects. */
  async forget(user: string, over: readonly string[], budget: Budget): Promise<void> {
    try {
      await this.#change(user, budget, (entries) => new Map([...entries].filter(([key]) => !over.includes(key))))
      repaired(0, over.length)
    } catch {
      // They are over all the same; the next reader tries again.
    }
  }

  /** Compare-and-set on the user's record until it is done: `edit` gives the entries that shall stand, undefined: as they are. */
  async #change(
    user: string,
    budget: Budget,
    edit: (entries: Entries) => Entries | undefined | Promise<Entries | undefined>,
  ): Promise<void> {
    const { store, clock } = this.#options
    let index = await this.#read(user, budget)
    while (budget.hasRound) {
      const entries = await edit(index.entries)
      if (!entries) return
      const next = nextSnapshot(index.snapshot, this.#draft(index, entries), clock())
      const record =
        index.record && !index.snapshot ? { ...next.record, revision: index.record.revision + 1 } : next.record
      const outcome = await offer(
        store,
        indexKey(user),
        record,
        index.record ? { replaces: index.record } : 'absent',
        budget,
      )
      if (outcome.applied) return
      index = indexOf(outcome.current)
      await budget.jitter()
    }
    throw new SessionConflictError(
      'Other requests kept changing the list of this user’s sessions until the time for it was over.',
    )
  }

  /** The index outlives every session that was ever in it. */
  #draft({ snapshot }: Index, entries: Entries): Draft {
    const now = this.#options.clock()
    const ends = [...entries.values()].map(([absoluteAt]) => absoluteAt)
    const absoluteAt = Math.max(now + PENDING_MS, snapshot?.envelope.absoluteAt ?? 0, ...ends)
    return {
      createdAt: snapshot?.envelope.createdAt ?? now,
      idleMs: absoluteAt - now,
      absoluteAt,
      persistent: false,
      user: undefined,
      text: JSON.stringify(Object.fromEntries(entries)),
    }
  }

  async #read(user: string, budget: Budget): Promise<Index> {
    const { store } = this.#options
    return indexOf(await budget.call((options) => store.read(indexKey(user), { ...options, fresh: true })))
  }
}

/** Apart from session keys by its prefix and length. */
export const indexKey = (user: string): string => `u_${keyOf(user)}`

function indexOf(record: SessionRecord | undefined): Index {
  const decoded = record?.data == null ? undefined : decode(record.data)
  if (record?.data === null || decoded?.state === 'newer') snapshotOf(record as SessionRecord)
  if (!record || decoded?.state !== 'ok') return { record, snapshot: undefined, entries: new Map() }
  const entries = Object.entries(parseData(decoded.envelope.text) ?? {}).filter((field): field is [string, Entry] =>
    isEntry(field[1]),
  )
  return { record, snapshot: { record, envelope: decoded.envelope }, entries: new Map(entries) }
}

const isEntry = (value: unknown): boolean => Array.isArray(value) && value.length === 2 && value.every(Number.isFinite)

function without(entries: Entries, key: string): Entries {
  const others = new Map(entries)
  others.delete(key)
  return others
}

function repaired(added: number, removed: number): void {
  publishSession({ type: 'index-repaired', added, removed })
}

async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values()
  const worker = async () => {
    for (const item of waiting) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker))
}
