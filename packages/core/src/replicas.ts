import { CallTime } from './call-time.js'
import { isSessionTooLarge, isStoreUnavailable, StoreUnavailableError } from './errors.js'
import { publishStore, type StoreOperation } from './events.js'
import {
  bare,
  bring,
  currentOf,
  decide,
  heldBy,
  holds,
  isForeign,
  isMiss,
  joinAll,
  refusal,
  View,
  viewOf,
  withView,
} from './copies.js'
import type { MemberState, Replica } from './member.js'
import {
  type CallOptions,
  isSameWrite,
  isTombstone,
  type SessionRecord,
  type SessionStore,
  type WriteCondition,
  type WriteOutcome,
} from './store.js'

export interface ReplicasOptions {
  readonly name: string
  readonly members: readonly Replica[]
  /** The members in the order of preference for a key. */
  readonly rank: (key: string) => readonly Replica[]
  readonly copies: number
  /** How many of the rank are asked and written now, where that is more than `copies`: a change needs no more to be safe. */
  readonly width?: (() => number) | undefined
  /** What stands on none of the first `copies` in rank is brought there by whoever has it; default false. */
  readonly sweeps?: boolean | undefined
}

const CHECK_EVERY_MS = 5_000

/**
 * Several stores as one. Each record stands on the first `copies` members of its key's rank that answer, each written
 * under compare-and-set; a reader joins what they hold and writes back what one of them lacked. What is known lies in the
 * stores, never in a process: two processes that disagree about who is away lose nothing.
 */
export class Replicas implements SessionStore {
  readonly name: string
  readonly guarded = true
  readonly #members: readonly Replica[]
  readonly #rank: (key: string) => readonly Replica[]
  readonly #copies: number
  readonly #width: () => number
  readonly #sweeps: boolean
  readonly #checks: NodeJS.Timeout
  #closed = false

  constructor({ name, members, rank, copies, width = () => copies, sweeps = false }: ReplicasOptions) {
    this.name = name
    this.#members = members
    this.#rank = rank
    this.#copies = copies
    this.#width = width
    this.#sweeps = sweeps
    this.#checks = setInterval(() => this.#checkAll(), CHECK_EVERY_MS).unref()
    this.#checkAll()
  }

  async read(key: string, options?: CallOptions): Promise<SessionRecord | undefined> {
    const time = this.#begin(options)
    const view = await this.#ask(key, time)
    const joined = joinAll(view.held.values())
    if (joined === undefined) {
      await this.#assertAbsent(view, time)
      return undefined
    }
    if (view.failures >= this.#copies) this.#degraded('read')
    await this.#repair(key, joined, view, time)
    return withView(joined, view)
  }

  async write(
    key: string,
    record: SessionRecord,
    condition: WriteCondition,
    options?: CallOptions,
  ): Promise<WriteOutcome> {
    const time = this.#begin(options)
    return condition === 'newer' ? this.#writeNewer(key, record, time) : this.#writeOver(key, record, condition, time)
  }

  async touch(key: string, record: SessionRecord, expiresAt: number, options?: CallOptions): Promise<WriteOutcome> {
    const time = this.#begin(options)
    const outcomes = new Map<Replica, WriteOutcome>()
    const view = await this.#each(key, time, async (member, call) => {
      const held = viewOf(record)?.held.get(member)
      const own = held && isSameWrite(held, record) ? held : bare(record)
      outcomes.set(member, await member.store.touch(key, own, expiresAt, call))
    })
    if (outcomes.size === 0) throw this.#unavailable('touch', view)
    const ordered = this.#rank(key).flatMap((member) => outcomes.get(member) ?? [])
    // As with writes the first that has it decides: of two processes one moves the deadline, on whichever copies.
    const first = ordered.find((outcome) => outcome.written || outcome.current)
    return first?.written ? first : refusal(joinAll(ordered.map(currentOf)))
  }

  release(): void {
    this.#closed = true
    clearInterval(this.#checks)
  }

  async close(): Promise<void> {
    this.release()
    await Promise.all(this.#members.map(({ store }) => store.close()))
  }

  /** Which member is trusted, filling or down, and since when. */
  status(): readonly MemberState[] {
    return this.#members.map(({ status }) => status)
  }

  #begin(options: CallOptions | undefined): CallTime {
    if (this.#closed) throw new StoreUnavailableError(`${this.name}: the store is closed.`, { refused: true })
    return new CallTime(this.name, options)
  }

  #checkAll(): void {
    for (const member of this.#members) void member.check()
  }

  #ask(key: string, time: CallTime): Promise<View> {
    return this.#each(key, time, async (member, call, view) => {
      try {
        view.held.set(member, await member.store.read(key, call))
      } catch (error) {
        if (isMiss(error)) view.held.set(member, undefined)
        throw error
      }
      member.answered()
    }).then((view) => {
      if (view.held.size === 0) throw this.#unavailable('read', view)
      return view
    })
  }

  /** Asks the first members of the rank side by side, and for each that fails the next in rank. */
  async #each(
    key: string,
    time: CallTime,
    ask: (member: Replica, call: CallOptions, view: View) => Promise<void>,
  ): Promise<View> {
    const view = new View()
    const rank = this.#rank(key)
    const width = this.#width()
    const spares = rank.slice(width)
    const seek = async (first: Replica): Promise<void> => {
      for (let member: Replica | undefined = first; member; member = spares.shift()) {
        try {
          return await ask(member, time.next(spares.length > 0), view)
        } catch (error) {
          this.#failed(error, view)
        }
      }
    }
    await Promise.all(rank.slice(0, width).map(seek))
    return view
  }

  /** Nothing was found; that counts only while enough of those who would know have answered. */
  async #assertAbsent(view: View, time: CallTime): Promise<void> {
    if (view.failures === 0) return
    let blind = view.failures
    for (const member of view.held.keys()) {
      if (blind >= this.#copies) break
      try {
        if (await member.isFilling(time.next(true))) blind += 1
      } catch (error) {
        this.#failed(error, view)
        blind += 1
      }
    }
    if (blind >= this.#copies) throw this.#unavailable('read', view)
  }

  /** A text that is not ours stays as it is, where it is. */
  async #repair(key: string, joined: SessionRecord, view: View, time: CallTime): Promise<void> {
    if (isForeign(joined)) return
    await Promise.all(
      [...view.held].map(async ([member, held]) => {
        if (held !== undefined && holds(held, joined)) return
        try {
          view.held.set(member, await bring(member, key, joined, held, time))
          publishStore({ type: 'repaired', store: member.name })
        } catch (error) {
          // What is too large for one store is read from the other.
          if (!isSessionTooLarge(error)) this.#failed(error, view)
        }
      }),
    )
  }

  /** A tombstone, or a copy of a write with a later deadline: the first member decides what the answer is, all get it. */
  async #writeNewer(key: string, record: SessionRecord, time: CallTime): Promise<WriteOutcome> {
    let first: WriteOutcome | undefined
    const held = new Set<Replica>()
    const view = new View()
    const rank = this.#rank(key)
    const width = this.#width()
    for (const [at, member] of rank.entries()) {
      if (held.size === width) break
      try {
        const outcome = await member.store.write(key, record, 'newer', time.next(at + 1 < rank.length))
        if (!outcome.written && !isTombstone(record)) {
          if (!first) return refusal(outcome.current)
          await bring(member, key, record, outcome.current, time)
        }
        first ??= outcome.written ? outcome : refusal(outcome.current)
        held.add(member)
      } catch (error) {
        this.#failed(error, view)
      }
    }
    if (!first || !this.#isFound(key, held)) throw this.#unavailable('write', view)
    if (held.size < this.#copies) this.#degraded('write')
    if (isTombstone(record)) for (const member of this.#homes(key)) if (!held.has(member)) member.owe(key, record)
    return first
  }

  async #writeOver(
    key: string,
    record: SessionRecord,
    condition: Exclude<WriteCondition, 'newer'>,
    time: CallTime,
  ): Promise<WriteOutcome> {
    const base = condition === 'absent' ? undefined : condition.replaces
    const known = base && viewOf(base)?.held
    const guess = base && bare(base)
    if (base && isTombstone(base)) return refusal(joinAll((await this.#ask(key, time)).held.values()))
    const view = new View()
    const held = new Map<Replica, SessionRecord>()
    const lacking: Replica[] = []
    let out = record
    let isNew = true
    const copyTo = async (member: Replica, before: SessionRecord | undefined): Promise<void> => {
      out = await bring(member, key, out, before, time, base && isSameWrite(base, record) ? undefined : base)
      held.set(member, out)
    }

    const width = this.#width()
    for (const member of this.#rank(key)) {
      if (held.size === width) break
      try {
        const before = known && !known.has(member) ? await heldBy(member, key, time.next(true)) : known?.get(member)
        if (held.size > 0) {
          await copyTo(member, known ? before : guess)
          continue
        }
        const decision = await decide(member, key, record, base, known ? before : guess, time)
        if (decision.is === 'refused') return refusal(decision.current)
        if (decision.is === 'lacking') lacking.push(member)
        else {
          isNew = decision.is === 'written'
          out = decision.record
          held.set(member, out)
          for (const other of lacking.splice(0)) if (held.size < width) await copyTo(other, undefined)
        }
      } catch (error) {
        this.#failed(error, view)
      }
    }
    if (held.size === 0) {
      if (view.failures > 0 || lacking.length === 0) throw this.#unavailable('write', view)
      return { written: false, current: undefined }
    }
    const outcome = await this.#settle(key, record, out, held, view, time)
    return isNew ? outcome : refusal(out)
  }

  /** All holders say the same in the end; where one of them had a tombstone, that is what it is. */
  async #settle(
    key: string,
    record: SessionRecord,
    out: SessionRecord,
    held: ReadonlyMap<Replica, SessionRecord>,
    view: View,
    time: CallTime,
  ): Promise<WriteOutcome> {
    for (const [member, holding] of held) {
      if (holds(holding, out)) continue
      try {
        await bring(member, key, out, holding, time)
      } catch (error) {
        this.#failed(error, view)
      }
    }
    if (isTombstone(out) && !isTombstone(record)) return refusal(out)
    if (!this.#isFound(key, held)) throw this.#unavailable('write', view)
    if (held.size < this.#copies) this.#degraded('write')
    return { written: true }
  }

  /** A reader asks others only in place of the first `copies` of the rank: what none of those has, nobody finds later. */
  #isFound(key: string, held: Pick<ReadonlySet<Replica>, 'has'>): boolean {
    return this.#sweeps || this.#homes(key).some((member) => held.has(member))
  }

  #homes(key: string): readonly Replica[] {
    return this.#rank(key).slice(0, this.#copies)
  }

  #failed(error: unknown, view: View): void {
    if (!isStoreUnavailable(error)) throw error
    view.failures += 1
    view.cause = error
  }

  #degraded(operation: StoreOperation): void {
    publishStore({ type: 'degraded', store: this.name, operation })
  }

  #unavailable(operation: StoreOperation, { cause }: View): StoreUnavailableError {
    return new StoreUnavailableError(`${this.name}: too few of its stores answered the ${operation}.`, { cause })
  }
}
