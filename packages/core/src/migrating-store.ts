import { CallTime } from './call-time.js'
import { bare, bring, currentOf, decide, holds, isForeign, joinAll } from './copies.js'
import { isSessionTooLarge, isStoreUnavailable, StoreUnavailableError } from './errors.js'
import { publishStore, type StoreOperation } from './events.js'
import type { MigrationNode } from './migration-node.js'
import type { MigrationPhase } from './migration-record.js'
import type { ShadowCheck } from './shadow-check.js'
import {
  type CallOptions,
  isSameWrite,
  isTombstone,
  type SessionRecord,
  type SessionStore,
  type WriteCondition,
  type WriteOutcome,
} from './store.js'

/** What the stores held when they were asked; it travels as the token of a record. */
class Held {
  readonly records: ReadonlyMap<Side, SessionRecord | undefined>
  constructor(records: ReadonlyMap<Side, SessionRecord | undefined>) {
    this.records = records
  }
}

/** One of the two stores. */
export interface Side {
  readonly name: string
  readonly store: SessionStore
}

interface Reading {
  readonly joined: SessionRecord | undefined
  readonly held: ReadonlyMap<Side, SessionRecord | undefined>
}

const ABSENT: WriteOutcome = { written: false, current: undefined }

/**
 * The calls to two stores, by phase. Which store decides is the same in neighbouring phases, or what one of them holds alone
 * is found by who reads both:
 *
 * - `off`, `shadow`: `from` alone. In `shadow` what it took is offered to `to` as well, whatever comes of that.
 * - `switch`: `from` decides, then `to` gets the same or the join. Both must take it, and both are read.
 * - `drain`: `to` decides. Both are read until all of `from` has been brought over, and what only `from` has is brought.
 * - `done`: `to` alone.
 *
 * A tombstone goes to both in all phases but the first and the last.
 */
export class MigratingSessions implements Pick<SessionStore, 'read' | 'write' | 'touch'> {
  readonly #from: Side
  readonly #to: Side
  readonly #node: MigrationNode
  readonly #shadow: ShadowCheck

  constructor(from: Side, to: Side, node: MigrationNode, shadow: ShadowCheck) {
    this.#from = from
    this.#to = to
    this.#node = node
    this.#shadow = shadow
  }

  read(key: string, options?: CallOptions): Promise<SessionRecord | undefined> {
    return this.#run(options, async (phase, time) => {
      const { joined, held } = await this.#look(phase, key, time)
      if (phase === 'shadow' && joined) this.#shadow.compare(key, joined)
      return joined && withHeld(joined, held)
    })
  }

  write(key: string, record: SessionRecord, condition: WriteCondition, options?: CallOptions): Promise<WriteOutcome> {
    return this.#run(options, async (phase, time) => {
      if (phase === 'switch' || phase === 'drain') return this.#writeBoth(phase, key, record, condition, time)
      const [side] = this.#sides(phase)
      const own = typeof condition === 'object' ? { replaces: heldBy(side, condition.replaces) } : condition
      const outcome = await side.store.write(key, record, own, time.next(false))
      if (phase === 'shadow' && outcome.written) this.#shadow.copy(key, bare(record))
      return refusedWith(outcome, side)
    })
  }

  touch(key: string, record: SessionRecord, expiresAt: number, options?: CallOptions): Promise<WriteOutcome> {
    return this.#run(options, async (phase, time) => {
      if (phase === 'switch') return this.#touchBoth(key, record, expiresAt, time)
      const [side] = this.#sides(phase)
      const outcome = await side.store.touch(key, heldBy(side, record), expiresAt, time.next(false))
      if (phase === 'shadow' && outcome.written) this.#shadow.touch(key, bare(record), expiresAt)
      return refusedWith(outcome, side)
    })
  }

  /** Brings what the one of these stores holds to the other; resolves to whether that lacked something. For sweeps. */
  carry(key: string, source: 'from' | 'to'): Promise<boolean> {
    return this.#run({}, async (phase, time) => {
      const other = source === 'from' ? this.#to : this.#from
      const { joined, held } = await this.#ask(key, time)
      if (!joined || isForeign(joined)) return false
      if (phase !== (source === 'from' ? 'drain' : 'switch')) throw unavailable('read', 'the phase has changed')
      return this.#bring(other, key, joined, held.get(other), time)
    })
  }

  #run<Result>(
    options: CallOptions | undefined,
    work: (phase: MigrationPhase, time: CallTime) => Promise<Result>,
  ): Promise<Result> {
    const time = new CallTime('migrate', options)
    return this.#node.run(options, (phase) => work(phase, time))
  }

  /** The one that decides first. */
  #sides(phase: MigrationPhase): readonly [Side, Side] {
    return phase === 'drain' || phase === 'done' ? [this.#to, this.#from] : [this.#from, this.#to]
  }

  #readsBoth(phase: MigrationPhase): boolean {
    return phase === 'switch' || (phase === 'drain' && this.#node.migration?.sweeps.from?.doneAt === undefined)
  }

  async #look(phase: MigrationPhase, key: string, time: CallTime): Promise<Reading> {
    if (this.#readsBoth(phase)) return this.#readBoth(phase, key, time)
    const [side] = this.#sides(phase)
    const found = await side.store.read(key, time.next(false))
    return { joined: found, held: new Map([[side, found]]) }
  }

  /** What both say. One that does not answer may be the one that knows, unless the other knows that the session is over. */
  async #ask(key: string, time: CallTime): Promise<Reading> {
    const held = new Map<Side, SessionRecord | undefined>()
    let failure: unknown
    const call = time.next(true)
    await Promise.all(
      [this.#from, this.#to].map(async (side) => {
        try {
          held.set(side, await side.store.read(key, call))
        } catch (error) {
          if (!isStoreUnavailable(error)) throw error
          failure = error
        }
      }),
    )
    const joined = joinAll(held.values())
    if (failure && !isTombstone(joined)) throw unavailable('read', 'one of its stores did not answer', failure)
    return { joined, held }
  }

  async #readBoth(phase: MigrationPhase, key: string, time: CallTime): Promise<Reading> {
    const reading = await this.#ask(key, time)
    const { joined } = reading
    if (!joined || isForeign(joined)) return reading
    const lacking = phase === 'switch' || isTombstone(joined) ? this.#sides(phase) : [this.#to]
    const held = new Map(reading.held)
    await Promise.all(
      lacking.map(async (side) => {
        if (!held.has(side)) return
        try {
          if (await this.#bring(side, key, joined, held.get(side), time)) held.delete(side)
        } catch (error) {
          // In `drain` it stands where it was found, and who reads next finds it there too, until a sweep has brought it. In
          // `switch` there may be others already that read one of both alone.
          if (isSessionTooLarge(error) || (phase === 'drain' && isStoreUnavailable(error))) return
          throw error
        }
      }),
    )
    return { joined, held }
  }

  /** Resolves to whether the store lacked something of it. */
  async #bring(
    side: Side,
    key: string,
    record: SessionRecord,
    held: SessionRecord | undefined,
    time: CallTime,
  ): Promise<boolean> {
    if (held && holds(held, record)) return false
    await bring(side, key, record, held, time)
    publishStore({ type: 'repaired', store: side.name })
    return true
  }

  async #writeBoth(
    phase: 'switch' | 'drain',
    key: string,
    record: SessionRecord,
    condition: WriteCondition,
    time: CallTime,
  ): Promise<WriteOutcome> {
    if (condition === 'newer') {
      return isTombstone(record) ? this.#end(phase, key, record, time) : this.#writeNewer(phase, key, record, time)
    }
    const base = condition === 'absent' ? undefined : condition.replaces
    if (base && isTombstone(base)) return refusal((await this.#look(phase, key, time)).joined)
    return phase === 'switch' ? this.#writeToBoth(key, record, base, time) : this.#writeToOne(key, record, base, time)
  }

  /** In `switch`: one decides, the other gets the same or the join, and in the end both say the same. */
  async #writeToBoth(
    key: string,
    record: SessionRecord,
    base: SessionRecord | undefined,
    time: CallTime,
  ): Promise<WriteOutcome> {
    let [decided, other] = this.#sides('switch')
    let decision = await decide(decided, key, record, base, base && lastHeld(decided, base), time)
    const isLacking = decision.is === 'lacking'
    if (isLacking) {
      ;[decided, other] = [other, decided]
      decision = await decide(decided, key, record, base, base && lastHeld(decided, base), time)
    }
    if (decision.is === 'lacking') return ABSENT
    if (decision.is === 'refused') return refusal(decision.current)
    const before = isLacking ? undefined : base && lastHeld(other, base)
    const replaced = base && !isSameWrite(base, record) ? base : undefined
    const out = await bring(other, key, decision.record, before, time, replaced)
    if (!holds(decision.record, out)) await bring(decided, key, out, decision.record, time)
    if (isTombstone(out) && !isTombstone(record)) return refusal(out)
    return decision.is === 'written' ? { written: true } : refusal(out)
  }

  /** In `drain`: what only `from` has counts until all of it has been brought over. */
  async #writeToOne(
    key: string,
    record: SessionRecord,
    base: SessionRecord | undefined,
    time: CallTime,
  ): Promise<WriteOutcome> {
    let before = base && lastHeld(this.#to, base)
    if (!before && this.#readsBoth('drain')) {
      const { joined } = await this.#readBoth('drain', key, time)
      if (!base && joined) return refusal(joined)
      before = joined && bare(joined)
    }
    const decision = await decide(this.#to, key, record, base, before, time)
    if (decision.is === 'lacking') return ABSENT
    if (decision.is === 'refused') return refusal(decision.current)
    if (isTombstone(record)) await this.#alsoEnd(this.#from, key, record, time)
    return decision.is === 'written' ? { written: true } : refusal(decision.record)
  }

  /** A copy of a write with a later deadline: the first decides. */
  async #writeNewer(
    phase: 'switch' | 'drain',
    key: string,
    record: SessionRecord,
    time: CallTime,
  ): Promise<WriteOutcome> {
    const [first, second] = this.#sides(phase)
    if (this.#readsBoth(phase)) await this.#readBoth(phase, key, time)
    const outcome = await first.store.write(key, record, 'newer', time.next(phase === 'switch'))
    if (!outcome.written) return refusal(outcome.current)
    if (phase === 'switch') await bring(second, key, record, undefined, time)
    return outcome
  }

  /** A tombstone. In `switch` each of both may be the one that somebody reads without the other soon. */
  async #end(phase: 'switch' | 'drain', key: string, record: SessionRecord, time: CallTime): Promise<WriteOutcome> {
    const [first, second] = this.#sides(phase)
    const outcome = await first.store.write(key, record, 'newer', time.next(true))
    if (phase === 'drain') await this.#alsoEnd(second, key, record, time)
    else await second.store.write(key, record, 'newer', time.next(false))
    return outcome.written ? outcome : refusal(outcome.current)
  }

  /** In `from`, which is not read without `to`: a sweep brings it there before it is again. */
  async #alsoEnd(side: Side, key: string, record: SessionRecord, time: CallTime): Promise<void> {
    try {
      await side.store.write(key, record, 'newer', time.next(false))
    } catch (error) {
      if (!isStoreUnavailable(error)) throw error
      publishStore({ type: 'degraded', store: side.name, operation: 'write' })
    }
  }

  async #touchBoth(key: string, record: SessionRecord, expiresAt: number, time: CallTime): Promise<WriteOutcome> {
    const call = time.next(false)
    const outcomes = await Promise.all(
      [this.#from, this.#to].map((side) => side.store.touch(key, heldBy(side, record), expiresAt, call)),
    )
    // As with writes the first that has it decides.
    const first = outcomes.find((outcome) => outcome.written || outcome.current)
    return first?.written ? first : refusal(joinAll(outcomes.map(currentOf)))
  }
}

/** What this store held when the record was read; where nobody asked it, that it holds the record is a good guess. */
function lastHeld(side: Side, record: SessionRecord): SessionRecord | undefined {
  const held = record.token instanceof Held ? record.token.records : undefined
  return held?.has(side) ? held.get(side) : bare(record)
}

/** The record as this store is known to hold it; without its note where nothing is known. */
function heldBy(side: Side, record: SessionRecord): SessionRecord {
  const held = record.token instanceof Held ? record.token.records.get(side) : undefined
  return held && isSameWrite(held, record) ? held : bare(record)
}

const withHeld = (record: SessionRecord, held: ReadonlyMap<Side, SessionRecord | undefined>): SessionRecord => ({
  ...bare(record),
  token: new Held(held),
})

const refusal = (current: SessionRecord | undefined): WriteOutcome => ({
  written: false,
  current: current && bare(current),
})

function refusedWith(outcome: WriteOutcome, side: Side): WriteOutcome {
  if (outcome.written || !outcome.current) return outcome
  return { written: false, current: withHeld(outcome.current, new Map([[side, outcome.current]])) }
}

const unavailable = (operation: StoreOperation, why: string, cause?: unknown): StoreUnavailableError =>
  new StoreUnavailableError(`migrate: ${why}, so the ${operation} has no answer.`, { cause })
