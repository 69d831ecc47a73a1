import fc from 'fast-check'
import assert from 'node:assert/strict'
import {
  isSameWrite,
  TOMBSTONE_REVISION,
  type SessionRecord,
  type SessionStore,
  type WriteOutcome,
} from '@holdfast/core'
import { assertRecord } from '../conformance-case.js'
import { createRecord } from '../fixtures.js'
import type { Condition, StoreModel } from './store-model.js'

/** The store under test, its clock, and what a client of it knows: all that it wrote, and all that it was handed out. */
export interface Session {
  readonly store: SessionStore
  readonly now: () => number
  readonly pass: (ms: number) => Promise<void>
  readonly keys: readonly string[]
  readonly known: Map<string, SessionRecord[]>
}

export type Command = fc.AsyncCommand<StoreModel, Session>

interface Draft {
  readonly data: string | null
  readonly revision: number
  readonly tag: string
  readonly lifeMs: number
}

const keyOf = ({ keys }: Session, index: number): string => keys[index % keys.length] ?? assert.fail('no keys')

/** Something that this client knows about the key, else what nobody ever wrote. */
function recall({ known }: Session, key: string, pick: number): SessionRecord {
  const records = known.get(key) ?? []
  return records[pick % Math.max(records.length, 1)] ?? createRecord({ tag: 'unknown_' })
}

function learn({ known }: Session, key: string, record: SessionRecord | undefined): void {
  if (record) known.set(key, [...(known.get(key) ?? []), record])
}

function assertSameOutcome(actual: WriteOutcome, expected: WriteOutcome): void {
  assert.equal(actual.written, expected.written)
  if (!actual.written && !expected.written) assertRecord(actual.current, expected.current)
}

const command = (text: string, run: Command['run']): Command => ({ check: () => true, run, toString: () => text })

/** As core makes them: a live record follows what it replaces, and one write (revision and tag) says one thing. */
function recordOf({ now, known }: Session, key: string, draft: Draft, condition: Condition): SessionRecord {
  const { lifeMs, ...fields } = draft
  const follows = typeof condition !== 'string' && draft.data !== null
  const revision = follows ? condition.replaces.revision + 1 : draft.revision
  const record = { ...fields, revision, expiresAt: now() + lifeMs }
  const twin = known.get(key)?.find((other) => isSameWrite(other, record))
  return twin ? { ...record, data: twin.data } : record
}

const read = (key: number): Command =>
  command(`read(key ${key})`, async (model, session) => {
    const record = await session.store.read(keyOf(session, key))
    assertRecord(record, model.read(keyOf(session, key), session.now()))
    learn(session, keyOf(session, key), record)
  })

const write = (key: number, draft: Draft, condition: 'absent' | 'newer' | { readonly pick: number }): Command =>
  command(`write(key ${key}, ${JSON.stringify(draft)}, ${JSON.stringify(condition)})`, async (model, session) => {
    const name = keyOf(session, key)
    const resolved: Condition =
      typeof condition === 'string' ? condition : { replaces: recall(session, name, condition.pick) }
    const record = recordOf(session, name, draft, resolved)
    const outcome = await session.store.write(name, record, resolved)
    assertSameOutcome(outcome, model.write(name, record, resolved, session.now()))
    learn(session, name, outcome.written ? record : outcome.current)
  })

const touch = (key: number, pick: number, lifeMs: number): Command =>
  command(`touch(key ${key}, known ${pick}, ${lifeMs} ms)`, async (model, session) => {
    const name = keyOf(session, key)
    const [record, expiresAt] = [recall(session, name, pick), session.now() + lifeMs]
    const stale = record.data === null ? record : { ...record, data: 'stale' }
    const outcome = await session.store.touch(name, stale, expiresAt)
    assertSameOutcome(outcome, model.touch(name, record, expiresAt, session.now()))
    learn(session, name, outcome.written ? { ...record, expiresAt } : outcome.current)
  })

const pass = (ms: number): Command => command(`pass(${ms} ms)`, (_, session) => session.pass(ms))

/** Few keys, revisions, tags and deadlines, so that they meet often. */
const key = fc.nat({ max: 1 })
const pick = fc.nat({ max: 9 })
const tag = fc.constantFrom('AAAAAAAA', 'ZZZZZZZZ', 'aaaaaaaa')
const record = fc.record({
  data: fc.constantFrom('', '{"a":1}', '{"b":2}'),
  revision: fc.constantFrom(1, 2, 3, 9, 10),
  tag,
})
const tombstone = fc.record({ data: fc.constant(null), revision: fc.constant(TOMBSTONE_REVISION), tag })

/** Every call of the contract, with lifetimes around the steps of the clock; without a clock they never end. */
export function commands(withClock: boolean): fc.Arbitrary<Command>[] {
  const lifeMs = withClock ? fc.constantFrom(0, 1, 300, 600, 86_400_000) : fc.constantFrom(3_600_000, 86_400_000)
  const draft = fc
    .tuple(fc.oneof({ weight: 5, arbitrary: record }, { weight: 1, arbitrary: tombstone }), lifeMs)
    .map(([fields, life]) => ({ ...fields, lifeMs: life }))
  const condition = fc.oneof(fc.constantFrom('absent' as const, 'newer' as const), fc.record({ pick }))
  const steps = fc.constantFrom(1, 299, 300).map(pass)
  return [
    key.map(read),
    fc.tuple(key, draft, condition).map((args) => write(...args)),
    fc.tuple(key, pick, lifeMs).map((args) => touch(...args)),
    ...(withClock ? [steps] : []),
  ]
}
