import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKey, createRecord, createSuccessor } from '@holdfast/conformance'
import { isSessionTooLarge, isStoreUnavailable, type SessionStore } from '@holdfast/core'
import { memcachedStore } from '@holdfast/memcached'
import { startMemcached, type MemcachedServer } from '../servers/memcached.js'
import { requireServer } from '../servers/require-server.js'
import { PATIENT_MS, reads, tryAll } from './calls.js'

const program = await requireServer('memcached')
const DAY_MS = 86_400_000

describe.skipIf(program === undefined)('what Memcached takes', () => {
  let server: MemcachedServer
  let store: SessionStore

  beforeAll(async () => {
    server = await startMemcached(['-m', '64'])
    store = memcachedStore({ server: server.address, deadlineMs: PATIENT_MS })
  })
  afterAll(async () => {
    await store?.close()
    await server?.stop()
  })

  /** As large as may be: its head and it make 1,000,000 bytes. */
  const largest = 'x'.repeat(1_000_000 - 'hf1 '.length - 16 - 6 - 16 - 1 - 8 - 1)

  test('a session of the largest size is kept; one byte more is refused before anything is sent', async () => {
    const key = createKey()
    const record = createRecord({ data: largest })
    expect(await store.write(key, record, 'absent')).toEqual({ written: true })
    expect((await store.read(key))?.data).toHaveLength(record.data?.length ?? 0)
    const before = await server.stat('cmd_set')
    const larger = createSuccessor(record, { data: `${record.data}x` })
    await expect(store.write(key, larger, { replaces: record })).rejects.toSatisfy(isSessionTooLarge)
    await expect(store.write(key, larger, 'newer')).rejects.toThrow('takes 1000001 bytes, the limit is 1000000')
    expect(await server.stat('cmd_set')).toBe(before)
  })

  test('line breaks are sent as two characters, and come back as one; letters count by their bytes', async () => {
    const key = createKey()
    const lines = largest.replace('x', '\n')
    expect(await store.write(key, createRecord({ data: lines }), 'absent')).toEqual({ written: true })
    expect((await store.read(key))?.data).toBe(lines)
    const letters = largest.replace('xx', '中')
    await expect(store.write(key, createRecord({ data: letters }), 'newer')).rejects.toSatisfy(isSessionTooLarge)
  })

  test.each([
    ['a day', 86_400, 1],
    ['30 days less a second', 30 * 86_400 - 1, 1],
    ['31 days', 31 * 86_400, 86_402],
    ['10 years', 3_650 * 86_400, 86_402],
  ])('the server keeps what ends in %s as long as that, and not much longer', async (_, seconds, slack) => {
    const key = createKey()
    const record = createRecord({ expiresAt: Date.now() + seconds * 1_000 })
    await store.write(key, record, 'absent')
    expect(await store.read(key)).toMatchObject(record)
    const [, left] = /^HD t(\d+)/.exec(await server.command(`mg sess:${key} t`)) ?? []
    expect(Number(left)).toBeGreaterThan(seconds - 30)
    expect(Number(left)).toBeLessThanOrEqual(seconds + slack + 1)
  })

  test('what ends after 2038, which the server cannot count to, is kept', async () => {
    const key = createKey()
    const record = createRecord({ expiresAt: Date.now() + 50 * 365 * DAY_MS })
    await store.write(key, record, 'absent')
    expect(await store.read(key)).toMatchObject(record)
    expect(await server.command(`mg sess:${key} t`)).toBe('HD t-1\r\n')
  })

  test('a touch moves the time to live of the server too', async () => {
    const key = createKey()
    const record = createRecord({ expiresAt: Date.now() + 10_000 })
    await store.write(key, record, 'absent')
    await store.touch(key, record, record.expiresAt + 3_600_000)
    const [, left] = /^HD t(\d+)/.exec(await server.command(`mg sess:${key} t`)) ?? []
    expect(Number(left)).toBeGreaterThan(3_500)
  })
})

describe.skipIf(program === undefined)('a server that takes less than others', () => {
  let server: MemcachedServer
  let store: SessionStore

  beforeAll(async () => {
    server = await startMemcached(['-I', '8k', '-o', 'slab_chunk_max=4096'])
    store = memcachedStore({ server: server.address, deadlineMs: PATIENT_MS })
  })
  afterAll(async () => {
    await store?.close()
    await server?.stop()
  })

  test('refuses a session with its own words, keeps the old one, and serves everything else meanwhile', async () => {
    const key = createKey()
    const record = createRecord()
    await store.write(key, record, 'absent')
    const read = await store.read(key)
    const large = createSuccessor(record, { data: 'x'.repeat(20_000) })
    const others = async () => {
      for (let round = 0; round < 10; round++) expect(await tryAll(reads(store, 20))).toMatchObject({ failed: 0 })
    }
    const refused = async (write: () => Promise<unknown>) => {
      const error: unknown = await write().catch((reason: unknown) => reason)
      expect(error).toSatisfy(isStoreUnavailable)
      expect(String((error as Error).cause)).toContain('SERVER_ERROR object too large for cache')
    }
    const refusals = async () => {
      for (let round = 0; round < 5; round++) {
        await refused(() => store.write(key, large, { replaces: read ?? record }))
        await refused(() => store.write(key, large, 'newer'))
        await refused(() => store.write(createKey(), large, 'absent'))
      }
    }
    await Promise.all([others(), refusals()])
    expect(await store.read(key)).toMatchObject(record)
  })
})
