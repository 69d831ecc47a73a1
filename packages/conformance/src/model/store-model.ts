import type { SessionRecord, WriteOutcome } from '@holdfast/core'

export type Condition = 'absent' | 'newer' | { readonly replaces: SessionRecord }

/**
 * The contract once more, as the shortest code that says it: a map of records by key. Independent of core's functions, so
 * that a mistake there shows too. Time is given with each call.
 */
export class StoreModel {
  readonly #records = new Map<string, SessionRecord>()

  read(key: string, now: number): SessionRecord | undefined {
    const record = this.#records.get(key)
    return record && record.expiresAt > now ? record : undefined
  }

  write(key: string, record: SessionRecord, condition: Condition, now: number): WriteOutcome {
    const current = this.read(key, now)
    if (!this.#allows(record, condition, current)) return { written: false, current }
    this.#records.set(key, record)
    return { written: true }
  }

  touch(key: string, record: SessionRecord, expiresAt: number, now: number): WriteOutcome {
    const current = this.read(key, now)
    const allowed = current?.data != null && sameWrite(current, record) && expiresAt > current.expiresAt
    if (!current || !allowed) return { written: false, current }
    this.#records.set(key, { ...current, expiresAt })
    return { written: true }
  }

  #allows(record: SessionRecord, condition: Condition, current: SessionRecord | undefined): boolean {
    if (condition === 'absent') return !current
    if (condition === 'newer') return !current || comesLater(record, current)
    return current?.data != null && sameWrite(current, condition.replaces)
  }
}

const sameWrite = (a: SessionRecord, b: SessionRecord): boolean => a.revision === b.revision && a.tag === b.tag

const rank = (record: SessionRecord) =>
  [Number(record.data === null), record.revision, record.tag, record.expiresAt] as const

function comesLater(record: SessionRecord, current: SessionRecord): boolean {
  const [theirs, ours] = [rank(current), rank(record)]
  for (const [index, our] of ours.entries()) {
    const their = theirs[index] ?? our
    if (our !== their) return our > their
  }
  return false
}
