import {
  isSameWrite,
  isTombstone,
  join,
  type MigrationPhase,
  type SessionRecord,
  type SessionStore,
  type WriteCondition,
  type WriteOutcome,
} from '@holdfast/core'
import { APP_SERVERS, type Deployment, PHASES } from './migrating-world.js'

/** What the obvious way to move sessions does wrong. */
export type Flaw =
  | 'the higher revision wins'
  | 'switch does not write the old store'
  | 'switch reads the old store alone'
  | 'drain reads the new store alone'
  | 'shadow and drain run side by side'
  | 'a store that does not answer has nothing'

/** One app server's part, in the plainest way that is right, with at most one flaw. It is told its phase. */
class NaiveMigration implements SessionStore {
  readonly name = 'naive'
  readonly guarded = true
  phase: MigrationPhase = 'off'
  readonly #from: SessionStore
  readonly #to: SessionStore
  readonly #flaw: Flaw | undefined

  constructor(from: SessionStore, to: SessionStore, flaw: Flaw | undefined) {
    this.#from = from
    this.#to = to
    this.#flaw = flaw
  }

  async read(key: string): Promise<SessionRecord | undefined> {
    const { phase } = this
    const stores = this.#readIn(phase)
    const held = await Promise.all(stores.map((store) => this.#readFrom(store, key)))
    let joined: SessionRecord | undefined
    for (const record of held) joined = joined && record ? this.#join(joined, record) : (joined ?? record)
    if (!joined || stores.length === 1) return joined
    for (const store of phase === 'switch' ? stores : [this.#to]) await this.#bring(store, key, joined)
    return joined
  }

  async write(key: string, record: SessionRecord, condition: WriteCondition): Promise<WriteOutcome> {
    const { phase } = this
    let [first, second] = phase === 'drain' || phase === 'done' ? [this.#to, this.#from] : [this.#from, this.#to]
    if (phase === 'switch' && this.#flaw === 'switch does not write the old store')
      return this.#decide(second, key, record, condition)
    // What is in the new store alone is decided there.
    if (phase === 'switch' && typeof condition === 'object' && !(await first.read(key)))
      [first, second] = [second, first]
    const outcome = await this.#decide(first, key, record, condition)
    if (!outcome.written && !(isTombstone(record) && condition === 'newer')) return outcome
    if (phase === 'shadow') await second.write(key, record, 'newer').catch(() => {})
    if (phase === 'switch') {
      const out = await this.#bring(second, key, record)
      await this.#bring(first, key, out)
      if (isTombstone(out) && !isTombstone(record)) return { written: false, current: out }
    }
    if (phase === 'drain' && isTombstone(record)) await second.write(key, record, 'newer')
    return outcome
  }

  async touch(key: string, record: SessionRecord, expiresAt: number): Promise<WriteOutcome> {
    return (this.phase === 'drain' || this.phase === 'done' ? this.#to : this.#from).touch(key, record, expiresAt)
  }

  async close(): Promise<void> {}

  #readIn(phase: MigrationPhase): readonly SessionStore[] {
    if (phase === 'done' || (phase === 'drain' && this.#flaw === 'drain reads the new store alone')) return [this.#to]
    if (phase === 'drain') return [this.#to, this.#from]
    return phase === 'switch' && this.#flaw !== 'switch reads the old store alone'
      ? [this.#from, this.#to]
      : [this.#from]
  }

  async #readFrom(store: SessionStore, key: string): Promise<SessionRecord | undefined> {
    const reading = store.read(key)
    return this.#flaw === 'a store that does not answer has nothing' ? reading.catch(() => undefined) : reading
  }

  /** What stands there must say nothing that the base does not say. */
  async #decide(store: SessionStore, key: string, record: SessionRecord, condition: WriteCondition) {
    if (typeof condition === 'string') return store.write(key, record, condition)
    for (;;) {
      const held = await store.read(key)
      if (!held || isTombstone(held)) return { written: false as const, current: held }
      if (!isSameWrite(held, condition.replaces)) {
        const both = this.#join(held, condition.replaces)
        if (!isSameWrite(both, condition.replaces)) return { written: false as const, current: both }
      }
      const outcome = await store.write(key, record, { replaces: held })
      if (outcome.written) return outcome
    }
  }

  /** Until the store holds all that the record says; resolves to what it holds. */
  async #bring(store: SessionStore, key: string, record: SessionRecord): Promise<SessionRecord> {
    for (;;) {
      const held = await store.read(key)
      const wanted = held ? this.#join(held, record) : record
      if (held && (isSameWrite(held, wanted) || (isTombstone(held) && isTombstone(wanted)))) return held
      const condition = isTombstone(wanted) ? 'newer' : held ? { replaces: held } : 'absent'
      if ((await store.write(key, wanted, condition)).written) return wanted
    }
  }

  #join(a: SessionRecord, b: SessionRecord): SessionRecord {
    if (this.#flaw === 'the higher revision wins') return a.revision >= b.revision ? a : b
    return join(a, b)
  }
}

/** They are brought to the next phase one after the other, while requests go on; nobody goes on before all have followed. */
export function oneByOne(flaw?: Flaw): Deployment {
  const apps: NaiveMigration[] = []
  let phase: MigrationPhase = 'off'
  let lastInDrain = false
  return {
    start(at, from, to) {
      const app = new NaiveMigration(from, to, flaw)
      app.phase = apps[at]?.phase ?? phase
      apps[at] = app
      return app
    },
    async move(_to, _clock, by, turn) {
      const skip = flaw === 'shadow and drain run side by side' && phase === 'shadow' && by === 1 ? 2 : by
      const next = PHASES[PHASES.indexOf(phase) + skip]
      // It sweeps nothing, so it must neither end nor go back to one store alone.
      if (!next || next === 'done' || (lastInDrain && next === 'shadow')) return
      phase = next
      lastInDrain ||= next === 'drain'
      for (let at = 0; at < APP_SERVERS; at++) {
        for (let turns = 0; turns < 3; turns++) await turn(`${at} goes to ${next}`)
        const app = apps[at]
        if (app) app.phase = next
      }
    },
    async follow() {},
  }
}
