import assert from 'node:assert/strict'
import { isTombstone, TOMBSTONE_REVISION } from '@holdfast/core'
import { createKey, createRecord, createTombstone } from '../fixtures.js'
import { assertHolds, assertNotWritten, assertWritten, put, putAndRead, type CaseGroup } from '../conformance-case.js'

export const tombstoneCases: CaseGroup = {
  title: 'tombstones',
  cases: [
    {
      name: 'a tombstone is an answer, not absence',
      run: async ({ store }) => {
        const read = await putAndRead(store, createKey(), createTombstone())
        assert.equal(isTombstone(read), true)
        assert.equal(read.revision, TOMBSTONE_REVISION)
      },
    },
    {
      name: 'a session can be destroyed before it was ever written',
      run: async ({ store }) => {
        const [key, tombstone] = [createKey(), createTombstone()]
        await assertWritten(store.write(key, tombstone, 'newer'))
        await assertNotWritten(store.write(key, createRecord(), 'absent'), tombstone)
      },
    },
    {
      name: 'beats every record, whatever its revision, tag and deadline',
      run: async ({ store }) => {
        const key = createKey()
        const record = createRecord({ revision: TOMBSTONE_REVISION - 1, tag: 'zzzzzzzz' })
        await put(store, key, record)
        const tombstone = createTombstone({ tag: 'aaaaaaaa', expiresAt: record.expiresAt - 60_000 })
        await assertWritten(store.write(key, tombstone, 'newer'))
        await assertHolds(store, key, tombstone)
      },
    },
    {
      name: 'no record is newer than it',
      run: async ({ store }) => {
        const key = createKey()
        const tombstone = await put(store, key, createTombstone({ tag: 'aaaaaaaa' }))
        const record = createRecord({
          revision: TOMBSTONE_REVISION - 1,
          tag: 'zzzzzzzz',
          expiresAt: tombstone.expiresAt + 60_000,
        })
        await assertNotWritten(store.write(key, record, 'newer'), tombstone)
        await assertHolds(store, key, tombstone)
      },
    },
    {
      name: 'of two tombstones the later tag stays, then the later deadline',
      run: async ({ store }) => {
        const key = createKey()
        const first = await put(store, key, createTombstone({ tag: 'bbbbbbbb' }))
        await assertNotWritten(store.write(key, createTombstone({ tag: 'aaaaaaaa' }), 'newer'), first)
        const longer = { ...first, expiresAt: first.expiresAt + 1_000 }
        await assertWritten(store.write(key, longer, 'newer'))
        const later = createTombstone({ tag: 'cccccccc' })
        await assertWritten(store.write(key, later, 'newer'))
        await assertHolds(store, key, later)
      },
    },
    {
      name: 'a tombstone is not touched, not even by itself',
      run: async ({ store }) => {
        const key = createKey()
        const record = await putAndRead(store, key, createRecord())
        const tombstone = await putAndRead(store, key, createTombstone())
        const later = tombstone.expiresAt + 60_000
        await assertNotWritten(store.touch(key, record, later), tombstone)
        await assertNotWritten(store.touch(key, tombstone, later), tombstone)
        await assertHolds(store, key, tombstone)
      },
    },
    {
      name: 'empty data is no tombstone',
      run: async ({ store }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord({ data: '' }))
        assert.equal(read.data, '')
        await assertWritten(store.write(key, createRecord({ revision: 2 }), { replaces: read }))
      },
    },
  ],
}
