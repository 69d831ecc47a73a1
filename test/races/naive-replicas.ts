import {
  isSameWrite,
  isStoreUnavailable,
  isTombstone,
  join,
  type SessionRecord,
  type SessionStore,
  StoreUnavailableError,
  type WriteCondition,
  type WriteOutcome,
} from '@holdfast/core'

/** What the obvious design of a replicated store does wrong. */
export type Flaw =
  | 'the higher revision wins'
  | 'the revision is the identity'
  | 'the first that answers is believed'
  | 'a miss is believed'
  | 'who failed is asked no more'
  | 'the end of a session is a removal'
  | 'a deadline that one store missed is not repaired'

/** A primary and a standby in the plainest way that is right, with at most one flaw. */
export class NaiveReplicas implements SessionStore {
  readonly name = 'naive'
  readonly guarded = true
  readonly #stores: readonly SessionStore[]
  readonly #flaw: Flaw | undefined
  readonly #suspects = new Set<SessionStore>()

  constructor(stores: readonly SessionStore[], flaw?: Flaw) {
    this.#stores = stores
    this.#flaw = flaw
  }

  async read(key: string): Promise<SessionRecord | undefined> {
    const held: [SessionStore, SessionRecord | undefined][] = []
    const failures = await this.#each(async (store) => {
      if (this.#flaw === 'the first that answers is believed' && held.length > 0) return
      held.push([store, await store.read(key)])
    })
    const records = held.flatMap(([, record]) => record ?? [])
    const known = records.length > 0 ? records.reduce((a, b) => this.#join(a, b)) : undefined
    if (held.length === 0 || (!known && failures > 0 && this.#flaw !== 'a miss is believed')) throw unavailable('read')
    for (const [store] of known ? held : []) await this.#try(() => this.#bring(store, key, known as SessionRecord))
    return known
  }

  async write(key: string, record: SessionRecord, condition: WriteCondition): Promise<WriteOutcome> {
    const base = typeof condition === 'object' ? condition.replaces : undefined
    const holders: SessionStore[] = []
    const lacking: SessionStore[] = []
    let out = record
    let refusal: WriteOutcome | undefined
    const failures = await this.#each(async (store) => {
      if (refusal) return
      if (base && holders.length === 0) {
        const before = await store.read(key)
        if (!before) return void lacking.push(store)
        refusal = await this.#decide(store, key, record, base, before)
        if (refusal) return
      } else out = await this.#bring(store, key, out)
      holders.push(store)
    })
    if (refusal) return refusal
    if (holders.length === 0) {
      if (failures > 0) throw unavailable('write')
      return { written: false, current: undefined }
    }
    for (const store of [...holders, ...lacking]) await this.#try(() => this.#bring(store, key, out))
    return isTombstone(out) && !isTombstone(record) ? { written: false, current: out } : { written: true }
  }

  async touch(key: string, record: SessionRecord, expiresAt: number): Promise<WriteOutcome> {
    const outcomes: WriteOutcome[] = []
    await this.#each(async (store) => void outcomes.push(await store.touch(key, record, expiresAt)))
    const outcome = outcomes.find(({ written }) => written) ?? outcomes[0]
    if (!outcome) throw unavailable('touch')
    return outcome
  }

  async close(): Promise<void> {}

  /** Resolves to the refusal when the store holds something that the base does not say. */
  async #decide(
    store: SessionStore,
    key: string,
    record: SessionRecord,
    base: SessionRecord,
    before: SessionRecord,
  ): Promise<WriteOutcome | undefined> {
    if (this.#isSame(before, record)) return undefined
    const both = this.#join(before, base)
    if (isTombstone(before) || !this.#isSame(both, base)) return { written: false, current: both }
    const outcome = await store.write(key, record, { replaces: before })
    if (outcome.written || (outcome.current && this.#isSame(outcome.current, record))) return undefined
    return outcome
  }

  /** Until the store holds all that the record says; resolves to what it holds. */
  async #bring(store: SessionStore, key: string, record: SessionRecord): Promise<SessionRecord> {
    if (this.#flaw === 'the end of a session is a removal' && isTombstone(record)) {
      await store.write(key, { ...record, expiresAt: 0 }, 'newer')
      return record
    }
    for (;;) {
      const held = await store.read(key)
      const wanted = held ? this.#join(held, record) : record
      if (held && this.#isSame(held, wanted) && !this.#isLater(wanted, held)) return held
      const condition = isTombstone(wanted) ? 'newer' : held ? { replaces: held } : 'absent'
      if ((await store.write(key, wanted, condition)).written) return wanted
    }
  }

  #join(a: SessionRecord, b: SessionRecord): SessionRecord {
    if (this.#flaw === 'the higher revision wins') return a.revision >= b.revision ? a : b
    if (this.#flaw === 'the revision is the identity' && this.#isSame(a, b)) return a
    return join(a, b)
  }

  #isLater(a: SessionRecord, b: SessionRecord): boolean {
    return a.expiresAt > b.expiresAt && this.#flaw !== 'a deadline that one store missed is not repaired'
  }

  #isSame(a: SessionRecord, b: SessionRecord): boolean {
    return this.#flaw === 'the revision is the identity' ? a.revision === b.revision : isSameWrite(a, b)
  }

  /** One after the other; resolves to how many failed. */
  async #each(ask: (store: SessionStore) => Promise<void>): Promise<number> {
    let failures = 0
    const trusted = this.#stores.filter((store) => !this.#suspects.has(store))
    for (const store of trusted.length > 0 ? trusted : this.#stores) {
      if (await this.#try(() => ask(store))) continue
      failures += 1
      if (this.#flaw === 'who failed is asked no more') this.#suspects.add(store)
    }
    return failures
  }

  async #try(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      if (!isStoreUnavailable(error)) throw error
      return false
    }
  }
}

const unavailable = (operation: string): StoreUnavailableError =>
  new StoreUnavailableError(`naive: too few of its stores answered the ${operation}.`)
