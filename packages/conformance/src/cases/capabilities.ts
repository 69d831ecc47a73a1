import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { listsKeys, reportsChanges, type SessionStore } from '@holdfast/core'
import { createKey, createRecord, createSuccessor, createTombstone } from '../fixtures.js'
import {
  assertHolds,
  assertRecord,
  assertUnavailable,
  assertWritten,
  put,
  putAndRead,
  type CaseGroup,
} from '../conformance-case.js'

const REPORTED_WITHIN_MS = 10_000

async function keysOf(store: SessionStore): Promise<Set<string>> {
  const keys = new Set<string>()
  if (listsKeys(store)) for await (const key of store.keys()) keys.add(key)
  return keys
}

async function waitFor(condition: () => boolean): Promise<void> {
  for (let waitedMs = 0; !condition(); waitedMs += 5) {
    assert.ok(waitedMs < REPORTED_WITHIN_MS, `nothing was reported within ${REPORTED_WITHIN_MS} ms`)
    await sleep(5)
  }
}

/** These pass at once for a store that does not have the capability. */
export const capabilityCases: CaseGroup = {
  title: 'what only some stores can do',
  cases: [
    {
      name: 'keys() lists what holds a record or a tombstone, and nothing that was never written',
      run: async ({ store }) => {
        if (!listsKeys(store)) return
        const written = Array.from({ length: 50 }, createKey)
        for (const key of written) await put(store, key, createRecord())
        const destroyed = createKey()
        await put(store, destroyed, createTombstone())
        const refused = createKey()
        await store.write(refused, createRecord(), { replaces: createRecord() })
        const listed = await keysOf(store)
        assert.deepEqual(
          [...written, destroyed].filter((key) => !listed.has(key)),
          [],
        )
        assert.equal(listed.has(refused), false)
      },
    },
    {
      name: 'keys() misses none that stays while others are read, written and destroyed',
      run: async ({ store }) => {
        if (!listsKeys(store)) return
        const written = Array.from({ length: 30 }, createKey)
        for (const key of written) await put(store, key, createRecord())
        const listed = new Set<string>()
        for await (const key of store.keys()) {
          const isFirst = !listed.has(key)
          listed.add(key)
          await store.read(key)
          if (listed.size <= 100) await put(store, createKey(), createRecord())
          if (isFirst && written.includes(key)) await put(store, key, createTombstone())
        }
        assert.deepEqual(
          written.filter((key) => !listed.has(key)),
          [],
        )
      },
    },
    {
      name: 'keys() rejects with StoreUnavailableError when its signal has aborted',
      run: async ({ store }) => {
        if (!listsKeys(store)) return
        const keys = store.keys({ signal: AbortSignal.abort() })[Symbol.asyncIterator]()
        await assertUnavailable(keys.next())
      },
    },
    {
      name: 'what one process writes, touches and destroys, another sees at once',
      needs: 'shared data',
      run: async ({ store, open }) => {
        const [other, key] = [await open(), createKey()]
        const first = await put(store, key, createRecord())
        await assertHolds(other, key, first)
        await assertWritten(other.touch(key, first, first.expiresAt + 1_000))
        await assertHolds(store, key, { ...first, expiresAt: first.expiresAt + 1_000 })
        const second = createSuccessor(first)
        await assertWritten(other.write(key, second, { replaces: first }))
        await assertHolds(store, key, second)
        const tombstone = await put(store, key, createTombstone())
        await assertHolds(other, key, tombstone)
      },
    },
    {
      name: 'a fresh read sees at once what another process has written, touched and destroyed',
      needs: 'shared data',
      run: async ({ store, open }) => {
        const [other, key] = [await open(), createKey()]
        const seen = async () => store.read(key, { fresh: true })
        const first = await putAndRead(store, key, createRecord())
        await assertWritten(other.touch(key, first, first.expiresAt + 1_000))
        assertRecord(await seen(), { ...first, expiresAt: first.expiresAt + 1_000 })
        const second = createSuccessor(first)
        await assertWritten(other.write(key, second, { replaces: first }))
        assertRecord(await seen(), second)
        const tombstone = await put(other, key, createTombstone())
        assertRecord(await seen(), tombstone)
        await assertHolds(store, key, tombstone)
      },
    },
    {
      name: 'what is stored outlives the store that wrote it',
      needs: 'shared data',
      run: async ({ store, open }) => {
        const [other, key] = [await open(), createKey()]
        const record = await put(other, key, createRecord())
        await other.close()
        await assertHolds(store, key, record)
      },
    },
    {
      name: 'onChange() reports what another process changes, until it is stopped',
      needs: 'shared data',
      run: async ({ store, open }) => {
        if (!reportsChanges(store)) return
        const [other, key] = [await open(), createKey()]
        const seen: (string | undefined)[] = []
        const isReported = (changed: string) => seen.includes(changed) || seen.includes(undefined)
        const stop = store.onChange((changed) => seen.push(changed))
        const first = await putAndRead(other, key, createRecord())
        await waitFor(() => isReported(key))
        seen.length = 0
        await put(other, key, createTombstone({ expiresAt: first.expiresAt }))
        await waitFor(() => isReported(key))
        stop()
        seen.length = 0
        const later: (string | undefined)[] = []
        const stopLater = store.onChange((changed) => later.push(changed))
        await put(other, createKey(), createRecord())
        await waitFor(() => later.length > 0)
        stopLater()
        assert.deepEqual(seen, [])
      },
    },
  ],
}
