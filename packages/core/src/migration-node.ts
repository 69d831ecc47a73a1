import { hostname } from 'node:os'
import { STORE_CALL_MS } from './budget.js'
import { newTag } from './codec.js'
import { withDeadline } from './deadline.js'
import { StoreUnavailableError } from './errors.js'
import { publishStore } from './events.js'
import { moved, refusalToMove, SignsOfLife } from './migration-moves.js'
import {
  changeMigration,
  changeSource,
  keepsInFrom,
  keepsInTo,
  type Migration,
  type MigrationPhase,
  PHASES,
  stepsBetween,
} from './migration-record.js'
import type { ShadowCounts } from './shadow-check.js'
import { show } from './show.js'
import type { CallOptions, SessionStore } from './store.js'

export interface MigrationNodeOptions {
  readonly from: SessionStore
  readonly to: SessionStore
  /** Undefined: it follows the record. */
  readonly wanted: MigrationPhase | undefined
  readonly lookEveryMs: number
  readonly leaseMs: number
  readonly absoluteMs: number
  readonly clock: () => number
  readonly counts: () => ShadowCounts
  /** After each look. */
  readonly onLook: () => void
}

/** A phase that this process works in. */
interface Work {
  readonly phase: MigrationPhase
  /** On the monotonic clock: what it took for the truth when it began may be acted on until then, or until a look says more. */
  until: number
  /** Which move opened the source, where that counts. */
  readonly openedBy: number | undefined
  running: number
  onIdle?: () => void
}

/**
 * This process's part in a migration: which phase it works in, and that no other process can be two phases away while it
 * does. Two things make that sure, neither of them by comparing the clocks of two computers.
 *
 * Each process is registered in `to` with the phases that it may be at work in, in the record that says which phase it is:
 * so a move and a registration never pass each other. Who keeps sessions in `to` alone acts until the lease of its
 * registration is over, and others strike it off after that.
 *
 * Who keeps sessions in `from` alone may go on while `to` is away. It looks in `from` whether that is still open; who wants to
 * keep sessions in `to` alone closes it first, and waits for as long as others may act by what they have seen before.
 */
export class MigrationNode {
  readonly #options: MigrationNodeOptions
  readonly id = newTag()
  readonly #name = `${hostname()}:${process.pid}`
  readonly #signs = new SignsOfLife()
  #migration: Migration | undefined
  #work: Work | undefined
  #refusal: unknown
  /** Of the closed source: which move closed it, and since when this process knows. */
  #closed: { readonly moves: number; readonly at: number } | undefined
  #looking: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #nextLookMs = 0
  #isOver = false

  constructor(options: MigrationNodeOptions) {
    this.#options = options
    // Not before what it tells of its looks is there.
    queueMicrotask(() => void this.look())
  }

  /** As it was when it was last read. */
  get migration(): Migration | undefined {
    return this.#migration
  }

  /** Undefined: it does not work. */
  get phase(): MigrationPhase | undefined {
    return this.#work?.phase
  }

  /** Does `work` in the phase of this process. Rejects where it may be two away from that of another when it ends. */
  async run<Result>(
    options: CallOptions | undefined,
    work: (phase: MigrationPhase) => Promise<Result>,
  ): Promise<Result> {
    if (!this.#covered()) await this.#afterLook(options)
    const current = this.#covered()
    if (!current) throw this.#unavailable(true)
    current.running += 1
    try {
      const result = await work(current.phase)
      // A process that stood still looks again: was it taken for dead meanwhile?
      if (!isCovered(current)) await this.#afterLook(options)
      if (!isCovered(current)) throw this.#unavailable(false)
      return result
    } finally {
      current.running -= 1
      if (current.running === 0) current.onIdle?.()
    }
  }

  /** Rejects with what keeps this process from working. */
  async ready(options?: CallOptions): Promise<MigrationPhase> {
    if (!this.#covered()) await this.#afterLook(options)
    const current = this.#covered()
    if (!current) throw this.#unavailable(true)
    return current.phase
  }

  /** Never rejects. */
  look(): Promise<void> {
    clearTimeout(this.#timer)
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
      this.#options.onLook()
      if (!this.#isOver) this.#timer = setTimeout(() => void this.look(), this.#nextLookMs).unref()
    })
    return this.#looking
  }

  /** Changes the migration, while this process is registered. */
  change(edit: (migration: Migration) => Migration | undefined): Promise<Migration> {
    return this.#change((migration) => (migration.nodes[this.id] ? edit(migration) : undefined))
  }

  /** Takes no more part; others need not wait for a lease. */
  async leave(): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    await this.#looking
    if (this.#work) await idle(this.#work)
    try {
      await this.#change(({ nodes: { [this.id]: own, ...nodes }, ...migration }) => own && { ...migration, nodes })
    } catch {
      // The registration ends with its lease.
    }
  }

  #covered(): Work | undefined {
    return this.#work && !this.#isOver && isCovered(this.#work) ? this.#work : undefined
  }

  async #afterLook({ timeoutMs = STORE_CALL_MS, signal }: CallOptions = {}): Promise<void> {
    if (this.#isOver) throw new StoreUnavailableError('migrate: the store is closed.', { refused: true })
    const ms = Math.min(timeoutMs, STORE_CALL_MS)
    await withDeadline(
      () => this.look(),
      ms,
      signal,
      () => {},
    )
  }

  #unavailable(refused: boolean): StoreUnavailableError {
    const why = (this.#refusal as Error | undefined)?.message ?? 'migrate: the phase of this process is not known yet.'
    return new StoreUnavailableError(why, { refused, cause: this.#refusal })
  }

  async #look(): Promise<void> {
    if (this.#isOver) return
    this.#nextLookMs = this.#options.lookEveryMs
    try {
      await this.#follow()
    } catch (error) {
      this.#refusal = error
    }
  }

  async #follow(): Promise<void> {
    const askedAt = performance.now()
    let migration: Migration
    let before: Migration | undefined
    try {
      migration = await this.#change((current, isThere) => {
        // It is there for as long as the migration lasts: if not, the store has lost it.
        before = !isThere && this.#migration ? { ...this.#migration, nodes: {} } : current
        return this.#registeredIn(this.#signs.withoutDead(before, this.id))
      })
    } catch (error) {
      await this.#workWithout()
      throw error
    }
    this.#migration = migration
    const own = migration.nodes[this.id]
    if (!own) {
      this.#work = undefined
      throw new StoreUnavailableError(this.#misfit(migration) ?? 'migrate: this process is not registered yet.')
    }
    // What was begun before it was struck off ends with the lease that it had.
    if (!before?.nodes[this.id]) this.#work = undefined
    const until = askedAt + this.#options.leaseMs
    if (this.#work && keepsInTo(this.#work.phase)) this.#work.until = until
    await this.#take(own.phases.at(-1) as MigrationPhase, migration, askedAt)
  }

  /** Works in this phase from now on, which this process is registered for. */
  async #take(phase: MigrationPhase, migration: Migration, askedAt: number): Promise<void> {
    const opened = keepsInFrom(phase) ? await this.#openSource(migration) : undefined
    const until = phase === 'switch' ? Infinity : (opened?.until ?? askedAt + this.#options.leaseMs)
    if (keepsInTo(phase) && !migration.isSourceClosed) {
      const closedAt = await this.#closeSource(migration)
      if (performance.now() < closedAt) {
        if (phase === 'drain' && !this.#work) this.#goOn('switch', Infinity)
        this.#refusal = new StoreUnavailableError('migrate: it waits until no process keeps sessions in `from` alone.')
        this.#nextLookMs = Math.min(closedAt - performance.now() + 1, this.#options.lookEveryMs)
        return
      }
    }
    this.#refusal = undefined
    const old = this.#work
    this.#goOn(phase, until, opened?.moves)
    if (old && old.phase !== phase) await idle(old)
    const own = migration.nodes[this.id]
    if (own?.phases.length === 1 && (migration.isSourceClosed || !keepsInTo(phase))) return
    this.#migration = await this.change((current) => ({
      ...current,
      isSourceClosed: current.isSourceClosed || keepsInTo(phase),
      nodes: { ...current.nodes, [this.id]: this.#sign(current, [phase]) },
    }))
  }

  /** What began while the source was open for another reason ends with the lease that it had. */
  #goOn(phase: MigrationPhase, until: number, openedBy?: number): void {
    const { to } = this.#options
    if (this.#work?.phase === phase && this.#work.openedBy === openedBy) return void (this.#work.until = until)
    if (this.#work?.phase !== phase) publishStore({ type: 'migration-phase', store: to.name, phase })
    this.#work = { phase, until, openedBy, running: 0 }
  }

  /** The store where all meet is away: who keeps sessions in `from` goes on, for as long as that is open. */
  async #workWithout(): Promise<void> {
    const phase = this.#work?.phase ?? this.#options.wanted ?? 'off'
    if (!keepsInFrom(phase)) return
    const { until, moves } = await this.#openSource(undefined)
    this.#goOn(phase, until, moves)
  }

  /** The migration with this process in it, moved first where it wants a phase that may follow now. */
  #registeredIn(migration: Migration): Migration | undefined {
    const { wanted, clock, absoluteMs } = this.#options
    const now = clock()
    const isMoved = wanted !== undefined && this.#leads(wanted, migration) && !refusalToMove(migration, wanted, now)
    const current = isMoved ? moved(migration, wanted, now) : migration
    const own = current.nodes[this.id]
    const fits = this.#misfit(current) === undefined
    if (!own && !fits) return undefined
    const phases = fits ? this.#phasesIn(current, own !== undefined) : (own?.phases ?? [])
    return {
      ...current,
      absoluteMs: Math.max(current.absoluteMs, absoluteMs),
      nodes: { ...current.nodes, [this.id]: this.#sign(current, phases) },
    }
  }

  /** One step on, the first process moves all; back, the last one does: else releases side by side would move it to and fro. */
  #leads(wanted: MigrationPhase, { phase, nodes }: Migration): boolean {
    if (wanted === phase) return false
    if (PHASES.indexOf(wanted) > PHASES.indexOf(phase)) return true
    return Object.entries(nodes).every(([id, node]) => id === this.id || !node.phases.includes(phase))
  }

  #phasesIn({ phase, isSourceClosed }: Migration, isRegistered: boolean): readonly MigrationPhase[] {
    const target = this.#options.wanted ?? phase
    if (isRegistered && this.#work) return this.#work.phase === target ? [target] : [this.#work.phase, target]
    return target === 'drain' && !isSourceClosed ? ['switch', target] : [target]
  }

  /** Why this process must not work in the phase that it wants, as a sentence. */
  #misfit(migration: Migration): string | undefined {
    const { phase, nodes } = migration
    const target = this.#options.wanted ?? phase
    if (stepsBetween(target, phase) > 1) {
      return `migrate: this process is configured for the phase ${show(target)}, but the migration is at ${show(phase)}. Only neighbours may run side by side: start it with ${show(phase)}, or go one step at a time.`
    }
    const refusal = target === phase ? undefined : refusalToMove(migration, target, this.#options.clock())
    if (refusal?.waitsFor.length === 0) return refusal.sentence
    const other = Object.entries(nodes).find(
      ([id, node]) => id !== this.id && node.phases.some((one) => stepsBetween(one, target) > 1),
    )?.[1]
    if (!other) return undefined
    return `migrate: this process is configured for the phase ${show(target)}, but the process ${other.name} still is in ${show(other.phases[0])}. Only neighbours may run side by side: go one step at a time.`
  }

  #sign({ nodes }: Migration, phases: Migration['nodes'][string]['phases']): Migration['nodes'][string] {
    const { clock, leaseMs, counts } = this.#options
    return { name: this.#name, phases, beat: (nodes[this.id]?.beat ?? 0) + 1, at: clock(), leaseMs, shadow: counts() }
  }

  #change(edit: (migration: Migration, isThere: boolean) => Migration | undefined): Promise<Migration> {
    return changeMigration(this.#options.to, this.#options.clock, edit)
  }

  /** Until when this process may keep sessions in `from` alone, and which move opened it. Rejects where it must not. */
  async #openSource(
    migration: Migration | undefined,
  ): Promise<{ readonly until: number; readonly moves: number | undefined }> {
    const { from, clock, leaseMs } = this.#options
    const askedAt = performance.now()
    const opened = { isClosed: false, id: migration?.id, moves: migration?.moves ?? 0, leaseMs }
    const source = await changeSource(from, clock, (current) => {
      if (!current) return opened
      const isOutdated = migration && (current.id !== migration.id || current.moves < migration.moves)
      if (current.isClosed) return isOutdated ? opened : undefined
      return current.leaseMs < leaseMs ? { ...current, leaseMs } : undefined
    })
    if (!source?.isClosed) return { until: askedAt + leaseMs, moves: source?.moves }
    throw new StoreUnavailableError(
      `migrate: the migration into ${this.#options.to.name} has gone on, and ${from.name} alone does not have all sessions any more. This process waits until it reaches ${this.#options.to.name}.`,
    )
  }

  /** From when on nobody keeps sessions in `from` alone. */
  async #closeSource({ id, moves }: Migration): Promise<number> {
    const { from, clock, leaseMs } = this.#options
    const source = await changeSource(from, clock, (current) => {
      const isOfThis = current?.id === id
      if (current && isOfThis && (current.isClosed || current.moves > moves)) return undefined
      return { isClosed: true, id, moves, leaseMs: Math.max(leaseMs, current?.leaseMs ?? 0) }
    })
    if (!source?.isClosed) throw new StoreUnavailableError('migrate: the phase was moved meanwhile.')
    if (this.#closed?.moves !== source.moves) this.#closed = { moves: source.moves, at: performance.now() }
    return this.#closed.at + source.leaseMs
  }
}

const isCovered = ({ until }: Work): boolean => performance.now() < until

const idle = async (work: Work): Promise<void> => {
  if (work.running > 0) await new Promise<void>((resolve) => (work.onIdle = resolve))
}
