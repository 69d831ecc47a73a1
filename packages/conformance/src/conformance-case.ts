import assert from 'node:assert/strict'
import { isStoreUnavailable, type SessionRecord, type SessionStore, type WriteOutcome } from '@holdfast/core'

/** What a case gets: a store of its own that is closed after it, and the time that the store goes by. */
export interface CaseContext {
  readonly store: SessionStore
  readonly now: () => number
  /** Lets time pass: moves the injected clock, or waits. */
  readonly pass: (ms: number) => Promise<void>
  /** Another store on the same data, as another process has one. Closed after the case. */
  readonly open: () => Promise<SessionStore>
  /** The server behind the store stops answering until the case is over. */
  readonly hang: () => Promise<void>
  /** Text of one byte more than the store takes. */
  readonly tooLargeText: () => string
}

export interface ConformanceCase {
  readonly name: string
  /** Left out for a store without it. */
  readonly needs?: 'injected clock' | 'shared data' | 'hang' | 'a limit of size' | undefined
  readonly timeoutMs?: number
  readonly run: (context: CaseContext) => Promise<void>
}

export interface CaseGroup {
  readonly title: string
  readonly cases: readonly ConformanceCase[]
}

const fieldsOf = ({ data, revision, tag, expiresAt }: SessionRecord) => ({ data, revision, tag, expiresAt })

/** Compares all but the token, which is the store's own affair. */
export function assertRecord(actual: SessionRecord | undefined, expected: SessionRecord | undefined): void {
  assert.deepEqual(actual && fieldsOf(actual), expected && fieldsOf(expected))
}

export async function assertHolds(store: SessionStore, key: string, expected: SessionRecord | undefined) {
  assertRecord(await store.read(key), expected)
}

export async function assertWritten(call: Promise<WriteOutcome>): Promise<void> {
  const outcome = await call
  assert.equal(outcome.written, true, `not written; there is ${JSON.stringify(outcome)}`)
}

/** Not written, and the outcome says what stands there. */
export async function assertNotWritten(call: Promise<WriteOutcome>, current: SessionRecord | undefined): Promise<void> {
  const outcome = await call
  assert.equal(outcome.written, false, 'it was written')
  if (!outcome.written) assertRecord(outcome.current, current)
}

export async function assertUnavailable(call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error) => isStoreUnavailable(error) || assert.fail(`rejected with ${String(error)}`))
}

/** Writes where nothing is yet, and returns what was written. */
export async function put(store: SessionStore, key: string, record: SessionRecord): Promise<SessionRecord> {
  await assertWritten(store.write(key, record, 'newer'))
  return record
}

/** Writes, and returns what the store hands out for it: with the store's token. */
export async function putAndRead(store: SessionStore, key: string, record: SessionRecord): Promise<SessionRecord> {
  await put(store, key, record)
  return (await store.read(key)) ?? assert.fail('what was just written is absent')
}
