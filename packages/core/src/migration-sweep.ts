import { isConfigError, isSessionTooLarge } from './errors.js'
import { publishStore } from './events.js'
import type { MigratingSessions, Side } from './migrating-store.js'
import type { MigrationNode } from './migration-node.js'
import { isReservedKey, type Migration, type Sweep } from './migration-record.js'
import { listsKeys } from './store.js'

const AT_ONCE = 16
/** Sessions are worth more than haste: 1,000,000 of them take 17 minutes. */
const KEYS_PER_SECOND = 1_000
const RETRY_MS = 500
/** For a sweep that left something behind. */
const AGAIN_MS = 60_000

/**
 * Brings what only one store has to the other: all of `from` in `drain`, so that `done` may follow; all of `to` in `switch`
 * after a step back, so that `shadow` may. One process at a time is at it, though two do no harm; when it ends, another
 * begins again, and what was brought over is not brought again.
 */
export class MigrationSweep {
  readonly #sessions: MigratingSessions
  readonly #sides: { readonly from: Side; readonly to: Side }
  readonly #node: MigrationNode
  readonly #clock: () => number
  #running: Promise<void> | undefined
  #notBefore = 0
  #isOver = false
  #wake: (() => void) | undefined

  constructor(
    sessions: MigratingSessions,
    sides: { readonly from: Side; readonly to: Side },
    node: MigrationNode,
    clock: () => number,
  ) {
    this.#sessions = sessions
    this.#sides = sides
    this.#node = node
    this.#clock = clock
  }

  /** After each look of the node. */
  check(): void {
    const source = this.#sourceNow()
    if (!source || this.#running || this.#isOver || performance.now() < this.#notBefore) return
    this.#running = this.#sweep(source)
      .catch((error: unknown) => {
        this.#notBefore = performance.now() + RETRY_MS
        // A store that cannot list its keys does not learn it.
        if (isConfigError(error)) return this.#giveUp(source)
      })
      .finally(() => (this.#running = undefined))
  }

  async stop(): Promise<void> {
    this.#isOver = true
    this.#wake?.()
    await this.#running
  }

  #sourceNow(): 'from' | 'to' | undefined {
    const { migration, phase } = this.#node
    if (!migration || phase !== migration.phase) return undefined
    const source = phase === 'drain' ? 'from' : phase === 'switch' && isBack(migration) ? 'to' : undefined
    if (!source || migration.sweeps[source]?.doneAt !== undefined) return undefined
    return listsKeys(this.#sides[source].store) ? source : undefined
  }

  async #sweep(source: 'from' | 'to'): Promise<void> {
    const { store, name } = this.#sides[source]
    if (!listsKeys(store)) return
    const startedAt = this.#clock()
    const claimed = await this.#node.change((migration) => {
      const sweep = migration.sweeps[source]
      if (sweep && (sweep.doneAt !== undefined || (sweep.by !== this.#node.id && migration.nodes[sweep.by])))
        return undefined
      return withSweep(migration, source, { by: this.#node.id, seen: 0, brought: 0, startedAt })
    })
    if (claimed.sweeps[source]?.by !== this.#node.id || claimed.sweeps[source]?.doneAt !== undefined) return
    const count = { seen: 0, brought: 0, tooLarge: 0 }
    const isOn = (): boolean =>
      !this.#isOver && this.#sourceNow() === source && this.#node.migration?.moves === claimed.moves
    const tell = async (doneAt?: number): Promise<void> => {
      const { seen, brought } = count
      await this.#node.change((migration) =>
        migration.moves === claimed.moves && migration.sweeps[source]?.by === this.#node.id
          ? withSweep(migration, source, { by: this.#node.id, seen, brought, startedAt, ...(doneAt && { doneAt }) })
          : undefined,
      )
    }
    const batch: string[] = []
    const finish = async (): Promise<void> => {
      const endsAt = performance.now() + (batch.length * 1_000) / KEYS_PER_SECOND
      await this.#carryAll(batch.splice(0), source, count, isOn)
      await this.#pause(endsAt - performance.now())
    }
    for await (const key of store.keys()) {
      if (!isOn()) return
      if (isReservedKey(key)) continue
      batch.push(key)
      if (batch.length < KEYS_PER_SECOND) continue
      await finish()
      await tell()
    }
    await finish()
    if (!isOn()) return
    if (count.tooLarge > 0) this.#notBefore = performance.now() + AGAIN_MS
    await tell(count.tooLarge > 0 ? undefined : this.#clock())
    publishStore({ type: 'migration-swept', store: name, records: count.seen, brought: count.brought })
    await this.#node.look()
  }

  async #giveUp(source: 'from' | 'to'): Promise<void> {
    this.#notBefore = Infinity
    await this.#node
      .change((migration) => ({ ...migration, sweeps: { ...migration.sweeps, [source]: undefined } }))
      .catch(() => {})
  }

  async #carryAll(
    keys: readonly string[],
    source: 'from' | 'to',
    count: { seen: number; brought: number; tooLarge: number },
    isOn: () => boolean,
  ): Promise<void> {
    const waiting = keys.values()
    const worker = async (): Promise<void> => {
      for (const key of waiting) {
        while (isOn()) {
          try {
            if (await this.#sessions.carry(key, source)) count.brought += 1
            break
          } catch (error) {
            if (isSessionTooLarge(error)) {
              count.tooLarge += 1
              break
            }
            await this.#pause(RETRY_MS)
          }
        }
        count.seen += 1
      }
    }
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, keys.length) }, worker))
  }

  async #pause(ms: number): Promise<void> {
    if (ms <= 0 || this.#isOver) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms).unref()
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/** Sessions were kept in `to` alone, and no process does so any more. */
const isBack = ({ lastIn, nodes }: Migration): boolean =>
  lastIn.to !== undefined && Object.values(nodes).every(({ phases }) => phases.every((phase) => phase === 'switch'))

const withSweep = (migration: Migration, source: 'from' | 'to', sweep: Sweep): Migration => ({
  ...migration,
  sweeps: { ...migration.sweeps, [source]: sweep },
})
