import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { performance } from 'node:perf_hooks'
import type { CallOptions, SessionStore } from '@holdfast/core'
import { createKey, createRecord, createSuccessor, createTombstone } from '../fixtures.js'
import { assertHolds, assertUnavailable, assertWritten, putAndRead, type CaseGroup } from '../conformance-case.js'

/** The store's own deadline is 250 ms; the rest is for a busy machine. */
const OWN_DEADLINE_AND_SLACK_MS = 1_500

/** One call of each kind, each to a key of its own. */
const callEach = (store: SessionStore, options?: CallOptions): Promise<unknown>[] => [
  store.read(createKey(), options),
  store.write(createKey(), createRecord(), 'absent', options),
  store.write(createKey(), createRecord(), { replaces: createRecord() }, options),
  store.write(createKey(), createTombstone(), 'newer', options),
  store.touch(createKey(), createRecord(), createRecord().expiresAt + 1_000, options),
]

async function assertUnavailableWithin(ms: number, calls: Promise<unknown>[]): Promise<void> {
  const startedAt = performance.now()
  await Promise.all(calls.map((call) => assertUnavailable(call)))
  const tookMs = performance.now() - startedAt
  assert.ok(tookMs <= ms, `took ${Math.round(tookMs)} ms, allowed are ${ms}`)
}

/** Compared with a call before them that ends at the store's own deadline, not with a clock: a busy machine delays both. */
async function assertUnavailableSooner(store: SessionStore, start: () => Promise<unknown>[]): Promise<void> {
  let isLate = false
  const unbounded = assertUnavailable(store.read(createKey())).then(() => {
    isLate = true
  })
  const bounded = Promise.all(start().map(assertUnavailable)).then(() => {
    assert.equal(isLate, false, "ended no sooner than at the store's own deadline")
  })
  await Promise.all([bounded, unbounded])
}

export const callCases: CaseGroup = {
  title: 'signals and deadlines of calls',
  cases: [
    {
      name: 'a call whose signal has aborted already rejects with StoreUnavailableError',
      run: async ({ store }) => {
        await Promise.all(callEach(store, { signal: AbortSignal.abort() }).map(assertUnavailable))
      },
    },
    {
      name: 'a call whose signal aborts under way is answered or rejects with StoreUnavailableError',
      run: async ({ store }) => {
        const controller = new AbortController()
        const calls = callEach(store, { signal: controller.signal })
        controller.abort()
        for (const result of await Promise.allSettled(calls)) {
          if (result.status === 'rejected') await assertUnavailable(Promise.reject(result.reason))
        }
      },
    },
    {
      name: 'signal and timeoutMs change nothing for a call that is answered in time',
      run: async ({ store }) => {
        const options = { signal: new AbortController().signal, timeoutMs: 10_000 }
        const [key, record] = [createKey(), createRecord()]
        await assertWritten(store.write(key, record, 'absent', options))
        await assertWritten(store.touch(key, record, record.expiresAt + 1_000, options))
        const read = await store.read(key, options)
        assert.equal(read?.data, record.data)
        const next = createSuccessor(record)
        await assertWritten(store.write(key, next, { replaces: read ?? record }, options))
        await assertHolds(store, key, next)
      },
    },
    {
      name: 'a signal that lives long collects no listeners',
      run: async ({ store }) => {
        const { signal } = new AbortController()
        await Promise.all(callEach(store, { signal }))
        assert.equal(getEventListeners(signal, 'abort').length, 0)
      },
    },
    {
      name: 'what aborts one call does not disturb the next',
      run: async ({ store }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord())
        const controller = new AbortController()
        const aborted = store.read(key, { signal: controller.signal })
        controller.abort()
        await Promise.allSettled([aborted])
        await assertHolds(store, key, read)
      },
    },
    {
      name: 'a server that does not answer: each call rejects with StoreUnavailableError at its own deadline of 250 ms',
      needs: 'hang',
      run: async ({ store, hang }) => {
        await hang()
        await assertUnavailableWithin(OWN_DEADLINE_AND_SLACK_MS, callEach(store))
      },
    },
    {
      name: 'a server that does not answer: a longer timeoutMs does not lengthen that deadline',
      needs: 'hang',
      run: async ({ store, hang }) => {
        await hang()
        await assertUnavailableWithin(OWN_DEADLINE_AND_SLACK_MS, callEach(store, { timeoutMs: 60_000 }))
      },
    },
    {
      name: 'a server that does not answer: a shorter timeoutMs ends the call sooner',
      needs: 'hang',
      run: async ({ store, hang }) => {
        await hang()
        await assertUnavailableSooner(store, () => callEach(store, { timeoutMs: 20 }))
      },
    },
    {
      name: 'a server that does not answer: a signal ends the call when it aborts',
      needs: 'hang',
      run: async ({ store, hang }) => {
        await hang()
        await assertUnavailableSooner(store, () => {
          const controller = new AbortController()
          const calls = callEach(store, { signal: controller.signal })
          controller.abort()
          return calls
        })
      },
    },
  ],
}
