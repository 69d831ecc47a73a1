import { listsKeys } from '@holdfast/core'
import { createKey, createRecord } from '../fixtures.js'
import { assertUnavailable, putAndRead, type CaseGroup } from '../conformance-case.js'

export const closingCases: CaseGroup = {
  title: 'closing',
  cases: [
    {
      name: 'a store may be closed twice, also at the same time',
      run: async ({ store }) => {
        await Promise.all([store.close(), store.close()])
        await store.close()
      },
    },
    {
      name: 'calls after close reject with StoreUnavailableError: a closed store knows nothing, it is not empty',
      run: async ({ store }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord())
        await store.close()
        await assertUnavailable(store.read(key))
        await assertUnavailable(store.write(createKey(), createRecord(), 'absent'))
        await assertUnavailable(store.write(key, createRecord(), { replaces: read }))
        await assertUnavailable(store.touch(key, read, read.expiresAt + 1_000))
        if (listsKeys(store)) await assertUnavailable(firstOf(store.keys()))
      },
    },
    {
      name: 'a call under way when the store closes is answered or rejects with StoreUnavailableError',
      run: async ({ store }) => {
        const calls = [store.read(createKey()), store.write(createKey(), createRecord(), 'absent')]
        await store.close()
        for (const result of await Promise.allSettled(calls)) {
          if (result.status === 'rejected') await assertUnavailable(Promise.reject(result.reason))
        }
      },
    },
  ],
}

async function firstOf(keys: AsyncIterable<string>): Promise<string | undefined> {
  for await (const key of keys) return key
  return undefined
}
