import Memcached from 'memcached'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKey, createRecord, createSuccessor, createTombstone } from '@holdfast/conformance'
import type { SessionStore } from '@holdfast/core'
import { memcachedStore } from '@holdfast/memcached'
import { startMemcached, type MemcachedServer } from '../servers/memcached.js'
import { requireServer } from '../servers/require-server.js'
import { PATIENT_MS } from './calls.js'

const program = await requireServer('memcached')

/** What other programs leave under a key, with the flags under which they do. */
const ITEMS: readonly (readonly [what: string, bytes: Uint8Array | string, flags: number])[] = [
  ['broken JSON that is marked as JSON', '{"broken', 2],
  ['JSON', '{"cookie":{},"user":7}', 0],
  ['JSON that is marked as JSON', '{"cookie":{},"user":7}', 2],
  ['a number', '17', 8],
  ['binary', Buffer.from([0, 255, 254, 13, 10, 128]), 4],
  ['binary that is not marked', Buffer.from([0, 255, 254, 13, 10, 128]), 0],
  ['nothing', '', 0],
  ['flags that nobody knows', 'text', 65_535],
  ['lines', 'one\r\ntwo\r\n\r\n', 0],
  ['what looks like the end of an answer', 'a\r\nEND', 0],
  ['what looks like answers', 'a\r\nEND\r\nSTORED\r\nEND\r\nVALUE sess:x 0 1 1\r\nb\r\nEND', 0],
  ['a head of ours that is cut off', 'hf1 00017000', 0],
  ['a mebibyte less its head', 'x'.repeat(1_000_000), 1],
]

describe.skipIf(program === undefined)('an item of others under a key of ours', () => {
  let server: MemcachedServer
  let client: Memcached
  const stores: Record<string, SessionStore> = {}

  beforeAll(async () => {
    server = await startMemcached()
    client = new Memcached(server.address, { retries: 0, timeout: 200 })
    stores['own'] = memcachedStore({ server: server.address, deadlineMs: PATIENT_MS })
    stores["the app's"] = memcachedStore({ client, deadlineMs: PATIENT_MS })
  })
  afterAll(async () => {
    for (const store of Object.values(stores)) await store.close()
    client?.end()
    await server?.stop()
  })

  describe.each(['own', "the app's"])('read with %s client', (whose) => {
    const storeOf = () => stores[whose] as SessionStore

    test.each(ITEMS)('%s: is no session and not absent, and harms no call beside it', async (_, bytes, flags) => {
      const [store, key, beside] = [storeOf(), createKey(), createKey()]
      await store.write(beside, createRecord({ data: beside }), 'absent')
      await server.put(`sess:${key}`, bytes, flags)
      for (let round = 0; round < 5; round++) {
        const calls = [store.read(beside), store.read(key), store.read(createKey()), store.read(beside)]
        const [before, foreign, absent, after] = await Promise.all(calls)
        expect(foreign).toMatchObject({ revision: 0, tag: '', data: expect.any(String) as string })
        expect([before?.data, absent, after?.data]).toEqual([beside, undefined, beside])
      }
    })

    test('is written over by no session, only by its end', async () => {
      const [store, key] = [storeOf(), createKey()]
      await server.put(`sess:${key}`, '{"theirs":1}', 2)
      const foreign = await store.read(key)
      expect(foreign).toMatchObject({ data: '{"theirs":1}' })
      const record = createRecord()
      expect(await store.write(key, record, 'absent')).toMatchObject({ written: false, current: { revision: 0 } })
      expect(await store.write(key, record, { replaces: createRecord() })).toMatchObject({ written: false })
      expect(await store.touch(key, record, record.expiresAt + 1)).toMatchObject({ written: false })
      if (foreign) expect(await store.touch(key, foreign, record.expiresAt)).toMatchObject({ written: false })
      expect(await server.get(`sess:${key}`)).toBe('{"theirs":1}')
      await store.write(key, createTombstone(), 'newer')
      expect(await store.write(key, createSuccessor(record), 'absent')).toMatchObject({ current: { data: null } })
    })
  })

  test("the app's own items are read with its client as ever", async () => {
    await new Promise((resolve) => client.set('theirs', { a: [1] }, 60, resolve))
    const theirs = await new Promise((resolve) => client.get('theirs', (_, value) => resolve(value)))
    expect(theirs).toEqual({ a: [1] })
  })
})
