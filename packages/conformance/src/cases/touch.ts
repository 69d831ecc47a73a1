import { createKey, createRecord, createSuccessor } from '../fixtures.js'
import {
  assertHolds,
  assertNotWritten,
  assertRecord,
  assertWritten,
  put,
  putAndRead,
  type CaseGroup,
} from '../conformance-case.js'

export const touchCases: CaseGroup = {
  title: 'touch',
  cases: [
    {
      name: 'moves the deadline and nothing else',
      run: async ({ store }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord({ revision: 5 }))
        const later = read.expiresAt + 60_000
        await assertWritten(store.touch(key, read, later))
        await assertHolds(store, key, { ...read, expiresAt: later })
      },
    },
    {
      name: 'never brings data along: what is stored stays, whatever the caller holds',
      run: async ({ store }) => {
        const key = createKey()
        const stored = await put(store, key, createRecord({ data: 'stored' }))
        const later = stored.expiresAt + 60_000
        await assertWritten(store.touch(key, { ...stored, data: 'stale' }, later))
        await assertHolds(store, key, { ...stored, expiresAt: later })
      },
    },
    {
      name: 'only forward: an earlier or the same deadline is not written',
      run: async ({ store }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord())
        await assertNotWritten(store.touch(key, read, read.expiresAt - 60_000), read)
        await assertNotWritten(store.touch(key, read, read.expiresAt), read)
        await assertHolds(store, key, read)
      },
    },
    {
      name: 'goes by the stored deadline, not by the one that the caller holds',
      run: async ({ store }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord())
        const longer = { ...read, expiresAt: read.expiresAt + 60_000 }
        await assertWritten(store.touch(key, read, longer.expiresAt))
        await assertNotWritten(store.touch(key, read, read.expiresAt + 30_000), longer)
        const longest = read.expiresAt + 90_000
        await assertWritten(store.touch(key, read, longest))
        await assertHolds(store, key, { ...read, expiresAt: longest })
      },
    },
    {
      name: 'does not touch a newer write, which it returns: a reader never undoes a write',
      run: async ({ store }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord())
        const theirs = createSuccessor(read, { data: 'theirs' })
        await assertWritten(store.write(key, theirs, { replaces: read }))
        await assertNotWritten(store.touch(key, read, read.expiresAt + 60_000), theirs)
        await assertHolds(store, key, theirs)
      },
    },
    {
      name: 'does not touch the same revision with another tag',
      run: async ({ store }) => {
        const key = createKey()
        const stored = await put(store, key, createRecord({ tag: 'aaaaaaaa' }))
        const other = { ...stored, tag: 'bbbbbbbb' }
        await assertNotWritten(store.touch(key, other, stored.expiresAt + 60_000), stored)
        await assertHolds(store, key, stored)
      },
    },
    {
      name: 'never creates, and an absent record is a normal answer',
      run: async ({ store }) => {
        const [key, lost] = [createKey(), createRecord()]
        await assertNotWritten(store.touch(key, lost, lost.expiresAt + 60_000), undefined)
        await assertHolds(store, key, undefined)
      },
    },
    {
      name: 'a record that was handed out does not change afterwards',
      run: async ({ store }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord())
        const copy = { ...read }
        await assertWritten(store.touch(key, read, read.expiresAt + 60_000))
        await assertWritten(store.write(key, createSuccessor(read), { replaces: read }))
        assertRecord(read, copy)
      },
    },
  ],
}
