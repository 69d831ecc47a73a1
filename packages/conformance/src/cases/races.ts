import assert from 'node:assert/strict'
import { isTombstone, type SessionRecord, type SessionStore, type WriteOutcome } from '@holdfast/core'
import { createKey, createRecord, createSuccessor, createTombstone } from '../fixtures.js'
import { assertHolds, assertRecord, put, putAndRead, type CaseContext, type CaseGroup } from '../conformance-case.js'

const WRITERS = 20
const INCREMENTS = 5
/** More than all writers together can need, so that a store which never lets one through fails and does not loop. */
const MAX_ATTEMPTS = 200

/** Exactly one was written, it is what is there, and the others were told so. */
async function assertOneWinner(store: SessionStore, key: string, written: SessionRecord[], outcomes: WriteOutcome[]) {
  const winners = written.filter((_, index) => outcomes[index]?.written)
  assert.equal(winners.length, 1, `${winners.length} of ${written.length} writers won`)
  await assertHolds(store, key, winners[0])
  for (const outcome of outcomes) if (!outcome.written) assertRecord(outcome.current, winners[0])
}

/** Adds 1 to a number under compare-and-set until it went through. */
async function increment(store: SessionStore, key: string): Promise<void> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const read = (await store.read(key)) ?? assert.fail('the counter is gone')
    const next = createSuccessor(read, { data: String(Number(read.data) + 1) })
    if ((await store.write(key, next, { replaces: read })).written) return
  }
  assert.fail(`what was read could not be replaced in ${MAX_ATTEMPTS} attempts`)
}

async function raceOfIncrements(stores: readonly SessionStore[], first: SessionStore): Promise<void> {
  const key = createKey()
  await put(first, key, createRecord({ data: '0' }))
  const workers = stores.flatMap((store) => Array.from({ length: 4 }, () => store))
  await Promise.all(
    workers.map(async (store) => {
      for (let round = 0; round < INCREMENTS; round++) await increment(store, key)
    }),
  )
  const end = await first.read(key, { fresh: true })
  assert.equal(end?.data, String(workers.length * INCREMENTS))
  assert.equal(end?.revision, 1 + workers.length * INCREMENTS)
}

async function raceToCreate(stores: readonly SessionStore[]): Promise<void> {
  const key = createKey()
  const records = Array.from({ length: WRITERS }, (_, index) => createRecord({ data: String(index) }))
  const outcomes = await Promise.all(records.map((record, index) => pick(stores, index).write(key, record, 'absent')))
  await assertOneWinner(pick(stores, 0), key, records, outcomes)
}

async function raceToReplace(stores: readonly SessionStore[]): Promise<void> {
  const key = createKey()
  const read = await putAndRead(pick(stores, 0), key, createRecord())
  const records = Array.from({ length: WRITERS }, (_, index) => createSuccessor(read, { data: String(index) }))
  const outcomes = await Promise.all(
    records.map((record, index) => pick(stores, index).write(key, record, { replaces: read })),
  )
  await assertOneWinner(pick(stores, 0), key, records, outcomes)
}

const pick = (stores: readonly SessionStore[], index: number): SessionStore =>
  stores[index % stores.length] ?? assert.fail('no store')

const two = async ({ store, open }: CaseContext): Promise<SessionStore[]> => [store, await open()]

export const raceCases: CaseGroup = {
  title: 'racing writers',
  cases: [
    { name: "of many parallel 'absent' exactly one wins", run: ({ store }) => raceToCreate([store]) },
    { name: 'of many parallel { replaces } exactly one wins', run: ({ store }) => raceToReplace([store]) },
    { name: 'compare-and-set in a loop loses no update', run: ({ store }) => raceOfIncrements([store], store) },
    {
      name: "of many parallel 'newer' the last in the order stays",
      run: async ({ store }) => {
        const key = createKey()
        const shuffled = [7, 3, 12, 1, 9, 15, 4, 11, 2, 14, 6, 10, 5, 13, 8]
        const records = shuffled.map((revision) => createRecord({ revision }))
        await Promise.all(records.map((record) => store.write(key, record, 'newer')))
        await assertHolds(store, key, records[shuffled.indexOf(15)])
      },
    },
    {
      name: 'a tombstone among racing writes and touches stays',
      run: async ({ store }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord())
        const calls = Array.from({ length: WRITERS }, (_, index) =>
          index === WRITERS / 2
            ? store.write(key, createTombstone(), 'newer')
            : index % 2 === 0
              ? store.write(key, createSuccessor(read), { replaces: read })
              : store.touch(key, read, read.expiresAt + index),
        )
        await Promise.all(calls)
        assert.equal(isTombstone(await store.read(key)), true)
      },
    },
    {
      name: 'a write among racing touches keeps its data',
      run: async ({ store }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord({ data: 'before' }))
        const next = createSuccessor(read, { data: 'after' })
        const touch = (by: number) => store.touch(key, read, read.expiresAt + by)
        const write = store.write(key, next, { replaces: read })
        const [, outcome] = await Promise.all([touch(1), write, touch(2), touch(3)])
        assert.equal(outcome.written, true)
        await assertHolds(store, key, next)
      },
    },
    {
      name: 'the furthest of racing touches stays',
      run: async ({ store }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord())
        await Promise.all([5, 2, 9, 1, 7].map((by) => store.touch(key, read, read.expiresAt + by)))
        await assertHolds(store, key, { ...read, expiresAt: read.expiresAt + 9 })
      },
    },
    {
      name: "of many parallel 'absent' from two processes exactly one wins",
      needs: 'shared data',
      run: async (context) => raceToCreate(await two(context)),
    },
    {
      name: 'of many parallel { replaces } from two processes exactly one wins',
      needs: 'shared data',
      run: async (context) => raceToReplace(await two(context)),
    },
    {
      name: 'compare-and-set in a loop of two processes loses no update',
      needs: 'shared data',
      run: async (context) => raceOfIncrements(await two(context), context.store),
    },
  ],
}
