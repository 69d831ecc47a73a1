import { createKey, createRecord, createSuccessor, createTombstone } from '../fixtures.js'
import { assertHolds, assertNotWritten, assertWritten, put, putAndRead, type CaseGroup } from '../conformance-case.js'

export const absentCases: CaseGroup = {
  title: "the condition 'absent'",
  cases: [
    {
      name: 'writes where nothing is',
      run: async ({ store }) => {
        const [key, record] = [createKey(), createRecord()]
        await assertWritten(store.write(key, record, 'absent'))
        await assertHolds(store, key, record)
      },
    },
    {
      name: 'does not write over a record, which it returns and leaves as it is',
      run: async ({ store }) => {
        const key = createKey()
        const first = await put(store, key, createRecord())
        await assertNotWritten(store.write(key, createSuccessor(first), 'absent'), first)
        await assertHolds(store, key, first)
      },
    },
    {
      name: 'does not write over a tombstone: a destroyed session does not come back',
      run: async ({ store }) => {
        const key = createKey()
        const tombstone = await put(store, key, createTombstone())
        await assertNotWritten(store.write(key, createRecord(), 'absent'), tombstone)
        await assertHolds(store, key, tombstone)
      },
    },
    {
      name: 'does not write the same record twice: the second answer names the first write',
      run: async ({ store }) => {
        const [key, record] = [createKey(), createRecord()]
        await assertWritten(store.write(key, record, 'absent'))
        await assertNotWritten(store.write(key, record, 'absent'), record)
      },
    },
  ],
}

export const replacesCases: CaseGroup = {
  title: 'the condition { replaces }',
  cases: [
    {
      name: 'writes over what was read',
      run: async ({ store }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord())
        const next = createSuccessor(read, { data: '{"next":true}' })
        await assertWritten(store.write(key, next, { replaces: read }))
        await assertHolds(store, key, next)
      },
    },
    {
      name: 'writes over what this process wrote itself and never read',
      run: async ({ store }) => {
        const key = createKey()
        const first = await put(store, key, createRecord())
        const second = createSuccessor(first)
        await assertWritten(store.write(key, second, { replaces: first }))
        const third = createSuccessor(second, { data: 'third' })
        await assertWritten(store.write(key, third, { replaces: second }))
        await assertHolds(store, key, third)
      },
    },
    {
      name: 'does not write over a later revision, which it returns',
      run: async ({ store }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord())
        const theirs = createSuccessor(read, { data: 'theirs' })
        await assertWritten(store.write(key, theirs, { replaces: read }))
        await assertNotWritten(store.write(key, createSuccessor(read), { replaces: read }), theirs)
        await assertHolds(store, key, theirs)
      },
    },
    {
      name: 'does not write over the same revision with another tag: that is another write',
      run: async ({ store }) => {
        const key = createKey()
        const stored = await put(store, key, createRecord({ tag: 'aaaaaaaa' }))
        const other = createRecord({ tag: 'bbbbbbbb' })
        await assertNotWritten(store.write(key, createSuccessor(other), { replaces: other }), stored)
        await assertHolds(store, key, stored)
      },
    },
    {
      name: 'does not write over another revision with the same tag',
      run: async ({ store }) => {
        const key = createKey()
        const stored = await put(store, key, createRecord({ revision: 2, tag: 'aaaaaaaa' }))
        const other = createRecord({ revision: 1, tag: 'aaaaaaaa' })
        await assertNotWritten(store.write(key, createSuccessor(other), { replaces: other }), stored)
      },
    },
    {
      name: 'never creates',
      run: async ({ store }) => {
        const [key, lost] = [createKey(), createRecord()]
        await assertNotWritten(store.write(key, createSuccessor(lost), { replaces: lost }), undefined)
        await assertHolds(store, key, undefined)
      },
    },
    {
      name: 'does not write over a tombstone, which it returns: destroy wins over a request in flight',
      run: async ({ store }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord())
        const tombstone = await put(store, key, createTombstone())
        await assertNotWritten(store.write(key, createSuccessor(read), { replaces: read }), tombstone)
        await assertHolds(store, key, tombstone)
      },
    },
    {
      name: 'does not write over a tombstone even when it names that tombstone',
      run: async ({ store }) => {
        const key = createKey()
        const tombstone = await putAndRead(store, key, createTombstone())
        await assertNotWritten(store.write(key, createRecord(), { replaces: tombstone }), tombstone)
        await assertHolds(store, key, tombstone)
      },
    },
    {
      name: 'writes a tombstone over what was read, as a rotation does',
      run: async ({ store }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord())
        const tombstone = createTombstone()
        await assertWritten(store.write(key, tombstone, { replaces: read }))
        await assertHolds(store, key, tombstone)
      },
    },
    {
      name: 'goes by revision and tag alone: a deadline that was moved since the read is no conflict',
      run: async ({ store }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord())
        await assertWritten(store.touch(key, read, read.expiresAt + 60_000))
        const next = createSuccessor(read)
        await assertWritten(store.write(key, next, { replaces: read }))
        await assertHolds(store, key, next)
      },
    },
  ],
}

/** Pairs where the left one comes later in the order, and so is written over the right one, never the other way round. */
const ORDERED = [
  ['a later revision', { revision: 3, tag: 'aaaaaaaa' }, { revision: 2, tag: 'zzzzzzzz' }],
  ['revision 10 after 9: numbers, not text', { revision: 10 }, { revision: 9 }],
  ['a later tag at the same revision', { revision: 2, tag: 'bbbbbbbb' }, { revision: 2, tag: 'aaaaaaaa' }],
  ['tags by character code, not by alphabet', { revision: 2, tag: 'aaaaaaaa' }, { revision: 2, tag: 'Zzzzzzzz' }],
] as const

export const newerCases: CaseGroup = {
  title: "the condition 'newer'",
  cases: [
    {
      name: 'writes where nothing is',
      run: async ({ store }) => {
        const [key, record] = [createKey(), createRecord({ revision: 7 })]
        await assertWritten(store.write(key, record, 'newer'))
        await assertHolds(store, key, record)
      },
    },
    ...ORDERED.map(([what, laterFields, earlierFields]) => ({
      name: `orders: ${what}`,
      run: async ({ store }: { store: Parameters<typeof put>[0] }) => {
        const [later, earlier] = [createRecord({ data: 'later', ...laterFields }), createRecord(earlierFields)]
        const up = createKey()
        await put(store, up, earlier)
        await assertWritten(store.write(up, later, 'newer'))
        await assertHolds(store, up, later)
        const down = createKey()
        await put(store, down, later)
        await assertNotWritten(store.write(down, earlier, 'newer'), later)
        await assertHolds(store, down, later)
      },
    })),
    {
      name: 'writes a copy of the same write with a later deadline, not with an earlier or the same one',
      run: async ({ store }) => {
        const key = createKey()
        const record = await put(store, key, createRecord())
        await assertNotWritten(store.write(key, record, 'newer'), record)
        await assertNotWritten(store.write(key, { ...record, expiresAt: record.expiresAt - 1 }, 'newer'), record)
        const longer = { ...record, expiresAt: record.expiresAt + 1 }
        await assertWritten(store.write(key, longer, 'newer'))
        await assertHolds(store, key, longer)
      },
    },
    {
      name: 'a later deadline does not make an earlier revision newer',
      run: async ({ store }) => {
        const key = createKey()
        const record = await put(store, key, createRecord({ revision: 2 }))
        const older = createRecord({ revision: 1, expiresAt: record.expiresAt + 60_000 })
        await assertNotWritten(store.write(key, older, 'newer'), record)
      },
    },
  ],
}
