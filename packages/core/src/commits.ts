import { LRUCache } from 'lru-cache'
import { Budget, COMMIT_MS, type Pace } from './budget.js'
import {
  assertSize,
  type Change,
  type ChangeLimits,
  continueFrom,
  type Draft,
  latest,
  nextSnapshot,
  type Snapshot,
  snapshotOf,
  tombstone,
  touchedDeadline,
} from './changes.js'
import { compose } from './compose.js'
import { codeOf, SessionConflictError, SessionGoneError, StoreUnavailableError } from './errors.js'
import { publishSession } from './events.js'
import { offer } from './offer.js'
import { rotateRecord, type Rotation } from './rotation.js'
import { isSameWrite, isTombstone, type SessionRecord, type SessionStore } from './store.js'

export interface CommitsOptions extends ChangeLimits {
  readonly store: SessionStore
  readonly clock: () => number
  readonly pace: Pace
}

/** One commit in the queue of its session. It ends by its own timer at the latest, whatever the store does. */
interface Update {
  readonly kind: 'update'
  readonly change: Change
  readonly budget: Budget
  /** That of the commit whose calls carry this one too. */
  carrier: Budget
  conflicts: number
  settled: boolean
  resolve(snapshot: Snapshot): void
  reject(error: unknown): void
}
interface Touch {
  readonly kind: 'touch'
  readonly base: Snapshot
  resolve(moved: Snapshot | undefined): void
}
/** What must not be coalesced: destroy and rotate. */
interface Barrier {
  readonly kind: 'barrier'
  run(lane: Lane): Promise<void>
}
/** The queue of one session in this process. `known` is the newest record that this process wrote or was told of. */
interface Lane {
  readonly waiting: (Update | Touch | Barrier)[]
  known: Snapshot | undefined
}

const TOUCHES_REMEMBERED = 10_000

/**
 * Everything that this process writes to sessions. Commits to one session queue and are coalesced into one write under
 * compare-and-set; destroy and rotate are barriers. Each call settles within the commit's budget of 600 ms.
 */
export class Commits {
  readonly #options: CommitsOptions
  readonly #lanes = new Map<string, Lane>()
  /** Deadlines moved lately: a request that read before a touch must not repeat it. */
  readonly #touched = new LRUCache<string, number>({ max: TOUCHES_REMEMBERED })
  #running = 0
  #idle: (() => void)[] = []

  constructor(options: CommitsOptions) {
    this.#options = options
  }

  /** Writes the first record of a key; rejects with `SessionGoneError` when the key was destroyed before it was written. */
  async create(key: string, draft: Draft, budget: Budget): Promise<Snapshot> {
    return this.#track(async () => {
      const { store, clock, maxBytes } = this.#options
      assertSize(draft.text, maxBytes)
      const next = nextSnapshot(undefined, draft, clock())
      const outcome = await offer(store, key, next.record, 'absent', budget)
      if (!outcome.applied) throw new SessionGoneError()
      return outcome.current === next.record ? next : snapshotOf(outcome.current)
    })
  }

  /** Resolves to the record that holds the change, which may hold others' changes too. */
  update(key: string, change: Change, budget: Budget): Promise<Snapshot> {
    return this.#track(
      () =>
        new Promise((resolve, reject) => {
          const settle =
            <A>(end: (value: A) => void) =>
            (value: A) => {
              cancel()
              update.settled = true
              end(value)
            }
          const update: Update = {
            kind: 'update',
            change,
            budget,
            carrier: budget,
            conflicts: 0,
            settled: false,
            resolve: settle(resolve),
            reject: settle(reject),
          }
          const cancel = budget.onEnd(() => update.reject(outOfTime(update, this.#options.store)))
          this.#enqueue(key, update)
        }),
    )
  }

  /**
   * Moves the deadline, at most once per tenth of the idle time. Resolves to the session whose deadline was moved, if one
   * was. A failure is an event: the request has what it needs.
   */
  touch(key: string, base: Snapshot, budget: Budget): Promise<Snapshot | undefined> {
    return this.#track(
      () =>
        new Promise((resolve) => {
          const cancel = budget.onEnd(() => resolve(undefined))
          const settle = (moved: Snapshot | undefined): void => {
            cancel()
            resolve(moved)
          }
          this.#enqueue(key, { kind: 'touch', base, resolve: settle })
        }),
    )
  }

  /** Writes the tombstone; resolves when one stands, to false when another did already. */
  destroy(key: string, absoluteAt: number, budget: Budget): Promise<boolean> {
    const { store } = this.#options
    return this.#barrier(key, budget, async (lane) => {
      lane.known = undefined
      const outcome = await offer(store, key, tombstone(absoluteAt), 'newer', budget)
      if (!outcome.applied && !isTombstone(outcome.current)) {
        throw new StoreUnavailableError(
          `${store.name}: refused a tombstone over a live record, which breaks the contract of a store.`,
        )
      }
      if (outcome.applied) publishSession({ type: 'destroyed' })
      return outcome.applied
    })
  }

  /** Moves a session to a new key; see `rotateRecord`. */
  rotate(rotation: Rotation, budget: Budget): Promise<Snapshot> {
    const { store, clock } = this.#options
    return this.#barrier(rotation.oldKey, budget, async (lane) => {
      const known = latest(lane.known, rotation.change.base)
      lane.known = undefined
      return rotateRecord(store, rotation, known, this.#options, clock, budget)
    })
  }

  /** Resolves when nothing is in flight. */
  async settled(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  async #track<T>(run: () => Promise<T>): Promise<T> {
    this.#running++
    try {
      return await run()
    } finally {
      if (--this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve()
    }
  }

  #barrier<T>(key: string, budget: Budget, work: (lane: Lane) => Promise<T>): Promise<T> {
    const { store } = this.#options
    return this.#track(
      () =>
        new Promise<T>((resolve, reject) => {
          const cancel = budget.onEnd(() => reject(unacknowledged(store)))
          const run = async (lane: Lane): Promise<void> => {
            await work(lane).then(resolve, reject)
            cancel()
          }
          this.#enqueue(key, { kind: 'barrier', run })
        }),
    )
  }

  #enqueue(key: string, op: Update | Touch | Barrier): void {
    const lane = this.#lanes.get(key)
    if (lane) return void lane.waiting.push(op)
    const fresh: Lane = { waiting: [op], known: undefined }
    this.#lanes.set(key, fresh)
    void this.#drain(key, fresh)
  }

  async #drain(key: string, lane: Lane): Promise<void> {
    for (let first = lane.waiting[0]; first; first = lane.waiting[0]) {
      if (first.kind === 'barrier') {
        lane.waiting.shift()
        await first.run(lane)
      } else {
        await this.#batch(key, lane)
      }
    }
    this.#lanes.delete(key)
  }

  /** Settles the updates and touches at the head of the queue, taking along what joins them meanwhile. */
  async #batch(key: string, lane: Lane): Promise<void> {
    const updates: Update[] = []
    const touches: Touch[] = []
    let moved: Snapshot | undefined
    try {
      this.#take(lane, updates, touches)
      if (updates.length === 0) {
        moved = await this.#moveDeadline(key, lane, touches)
      } else {
        await this.#writeAll(key, lane, updates, touches)
        moved = lane.known
      }
    } catch (error) {
      for (const update of updates) update.reject(error)
    }
    for (const touch of touches) touch.resolve(moved)
  }

  #take(lane: Lane, updates: Update[], touches: Touch[]): void {
    for (let op = lane.waiting[0]; op && op.kind !== 'barrier'; op = lane.waiting[0]) {
      lane.waiting.shift()
      if (op.kind === 'update') updates.push(op)
      else touches.push(op)
    }
  }

  async #writeAll(key: string, lane: Lane, updates: Update[], touches: Touch[]): Promise<void> {
    const { store, clock } = this.#options
    let content = lane.known ?? (updates[0] as Update).change.base
    let replaces = content.record
    let rounds = 0
    let known = 0
    for (;;) {
      this.#take(lane, updates, touches)
      for (const { change } of updates.slice(known)) {
        content = latest(content, change.base)
        if (content === change.base) replaces = content.record
      }
      known = updates.length
      const draft = this.#compose(content.envelope, updates)
      const live = updates.filter((update) => !update.settled)
      const youngest = live.at(-1)
      if (!youngest) return
      if (!youngest.budget.hasRound) throw outOfTime(youngest, store)
      for (const update of live) update.carrier = youngest.budget
      const next = nextSnapshot(content, draft, clock())
      const outcome = await offer(store, key, next.record, { replaces }, youngest.budget)
      if (outcome.applied) {
        lane.known = outcome.current === next.record ? next : snapshotOf(outcome.current)
        for (const update of live) update.resolve(lane.known)
        return
      }
      if (!outcome.current || isTombstone(outcome.current)) throw new SessionGoneError()
      const went = continueFrom(snapshotOf(outcome.current), content)
      content = went.content
      replaces = outcome.current
      for (const update of live) update.conflicts++
      rounds++
      publishSession(went.lost ? { type: 'lost-writes' } : { type: 'conflict', rounds, commits: live.length })
      await youngest.budget.jitter()
    }
  }

  /** One draft of all changes; one that fails by itself leaves the batch. */
  #compose(content: Draft, updates: readonly Update[]): Draft {
    const live = new Map(updates.filter(({ settled }) => !settled).map((update) => [update.change, update]))
    return compose(content, [...live.keys()], this.#options, (change, error) => live.get(change)?.reject(error))
  }

  /** A touch that meets a newer write is made again with that one: what was read may be old. */
  async #moveDeadline(key: string, lane: Lane, touches: readonly Touch[]): Promise<Snapshot | undefined> {
    const { store, clock, pace } = this.#options
    const budget = new Budget(pace)
    let base = touches.reduce((known, touch) => latest(known, touch.base), lane.known)
    try {
      while (base && budget.hasRound) {
        const { record, envelope } = base
        const expiresAt = touchedDeadline(envelope, clock())
        if (expiresAt <= Math.max(record.expiresAt, this.#touched.get(key) ?? 0)) return undefined
        this.#touched.set(key, expiresAt)
        const outcome = await budget.call((options) => store.touch(key, record, expiresAt, options))
        if (outcome.written) return base
        base = outcome.current && newerWrite(outcome.current, record)
        if (base) this.#touched.delete(key)
      }
    } catch (error) {
      this.#touched.delete(key)
      publishSession({ type: 'touch-failed', code: codeOf(error) })
    }
    return undefined
  }
}

const newerWrite = (current: SessionRecord, known: SessionRecord): Snapshot | undefined =>
  isTombstone(current) || isSameWrite(current, known) ? undefined : snapshotOf(current)

const outOfTime = ({ conflicts, carrier }: Update, store: SessionStore): Error =>
  conflicts > 0 && !carrier.isUnanswered
    ? new SessionConflictError(
        `Other requests kept changing the session for ${COMMIT_MS} ms; ${conflicts} attempts lost.`,
      )
    : unacknowledged(store)

const unacknowledged = ({ name }: SessionStore): StoreUnavailableError =>
  new StoreUnavailableError(`${name}: the commit was not acknowledged within ${COMMIT_MS} ms.`)
