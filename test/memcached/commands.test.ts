import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { createEngine } from '@holdfast/core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createKey, createRecord, createSuccessor, createTombstone } from '@holdfast/conformance'
import type { SessionRecord, SessionStore } from '@holdfast/core'
import { memcachedStore } from '@holdfast/memcached'
import { startMemcached, type MemcachedServer } from '../servers/memcached.js'
import { requireServer } from '../servers/require-server.js'
import { PATIENT_MS } from './calls.js'

const program = await requireServer('memcached')

describe.skipIf(program === undefined)('what is asked of the server', () => {
  let server: MemcachedServer
  let store: SessionStore
  let other: SessionStore

  beforeAll(async () => {
    server = await startMemcached()
    store = memcachedStore({ server: server.address, deadlineMs: PATIENT_MS })
    other = memcachedStore({ server: server.address, deadlineMs: PATIENT_MS })
  })
  afterAll(async () => {
    await store?.close()
    await other?.close()
    await server?.stop()
  })

  const kept = async () => {
    const [key, record] = [createKey(), createRecord()]
    await store.write(key, record, 'absent')
    return { key, record, read: (await store.read(key)) as SessionRecord }
  }

  /** `cas` counts as a `cmd_set` too. */
  const counts = async () => {
    const [gets, sets, cas] = [server.stat('cmd_get'), server.stat('cmd_set'), server.stat('cas_hits')]
    return { gets: await gets, sets: await sets, cas: await cas }
  }
  const askedFor = async (call: () => Promise<unknown>) => {
    const before = await counts()
    await call()
    const after = await counts()
    return { gets: after.gets - before.gets, sets: after.sets - before.sets, cas: after.cas - before.cas }
  }

  test('a read: one gets', async () => {
    const { key } = await kept()
    expect(await askedFor(() => store.read(key))).toEqual({ gets: 1, sets: 0, cas: 0 })
  })

  test('reads in one turn of the event loop: two writes to the connection at most', async () => {
    const { key } = await kept()
    let arrived = 0
    const relay = createServer((client) => {
      const upstream = connect(Number(server.address.split(':')[1]), '127.0.0.1')
      client.on('data', () => arrived++)
      client.on('error', () => {}).pipe(upstream)
      upstream.on('error', () => {}).pipe(client)
    }).listen(0, '127.0.0.1')
    await once(relay, 'listening')
    onTestFinished(() => void relay.close())
    const relayed = memcachedStore({ server: `127.0.0.1:${(relay.address() as AddressInfo).port}` })
    onTestFinished(() => relayed.close())
    await relayed.read(key)
    arrived = 0
    const reads = await Promise.all(Array.from({ length: 50 }, () => relayed.read(key)))
    expect(reads.filter(Boolean)).toHaveLength(50)
    expect(arrived).toBeLessThanOrEqual(2)
  })

  test('a new session: one add', async () => {
    const create = () => store.write(createKey(), createRecord(), 'absent')
    expect(await askedFor(create)).toEqual({ gets: 0, sets: 1, cas: 0 })
  })

  test('a change, and a touch, of what was read: one cas', async () => {
    const first = await kept()
    const change = () => store.write(first.key, createSuccessor(first.record), { replaces: first.read })
    expect(await askedFor(change)).toEqual({ gets: 0, sets: 1, cas: 1 })
    const second = await kept()
    const touch = () => store.touch(second.key, second.read, second.record.expiresAt + 1_000)
    expect(await askedFor(touch)).toEqual({ gets: 0, sets: 1, cas: 1 })
  })

  test('a change of what this process wrote and never read: gets and cas', async () => {
    const { key, record } = await kept()
    const change = () => store.write(key, createSuccessor(record), { replaces: record })
    expect(await askedFor(change)).toEqual({ gets: 1, sets: 1, cas: 1 })
  })

  test('the end of a session: gets and cas', async () => {
    const { key } = await kept()
    expect(await askedFor(() => store.write(key, createTombstone(), 'newer'))).toEqual({ gets: 1, sets: 1, cas: 1 })
  })

  test('a conflict costs one gets more, and says what stands there', async () => {
    const { key, record, read } = await kept()
    const theirs = createSuccessor(record, { data: 'theirs' })
    await other.write(key, theirs, { replaces: record })
    const change = async () => {
      const outcome = await store.write(key, createSuccessor(record), { replaces: read })
      expect(outcome).toMatchObject({ written: false, current: theirs })
    }
    expect(await askedFor(change)).toMatchObject({ gets: 1, cas: 0 })
  })

  test('a touch by others in between is no conflict: the change is written over it', async () => {
    const { key, record, read } = await kept()
    await other.touch(key, record, record.expiresAt + 1_000)
    const next = createSuccessor(record, { data: 'next' })
    expect(await store.write(key, next, { replaces: read })).toEqual({ written: true })
    expect(await store.read(key)).toMatchObject(next)
  })

  test("a record with a token of another server's counts by its revision and tag alone", async () => {
    const { key, record } = await kept()
    const away = await startMemcached()
    const elsewhere = memcachedStore({ server: away.address, deadlineMs: PATIENT_MS })
    await elsewhere.write(key, record, 'absent')
    const read = (await elsewhere.read(key)) as SessionRecord
    expect(await store.write(key, createSuccessor(record), { replaces: read })).toEqual({ written: true })
    expect(await store.write(key, createSuccessor(record), { replaces: read })).toMatchObject({ written: false })
    await elsewhere.close()
    await away.stop()
  })

  test('writes of 20 at once to one session: each that is acknowledged was written over the one before it', async () => {
    const { key } = await kept()
    const write = async (data: string): Promise<void> => {
      for (;;) {
        const read = (await store.read(key)) as SessionRecord
        const next = createSuccessor(read, { data: `${read.data},${data}` })
        if ((await store.write(key, next, { replaces: read })).written) return
      }
    }
    await Promise.all(Array.from({ length: 20 }, (_, i) => write(`w${i}`)))
    const data = (await store.read(key))?.data ?? ''
    for (let i = 0; i < 20; i++) expect(data.split(',')).toContain(`w${i}`)
  })

  test('what stands there can be read by a person, under the prefix and without flags', async () => {
    const { key, record } = await kept()
    expect(await server.get(`sess:${key}`)).toBe(
      `hf1 ${String(record.expiresAt).padStart(16, '0')} live 0000000000000001 ${record.tag} ${record.data}`,
    )
    expect(await server.command(`mg sess:${key} f`)).toBe('HD f0\r\n')
  })

  test('sessions by URL: stored under the prefix of the URL', async () => {
    const sessions = createEngine<{ user: string }>({
      secret: 'a secret of at least thirty-two bytes',
      store: `${server.url}?prefix=shop:&deadline=${PATIENT_MS}`,
    })
    await sessions.ready()
    const { id } = await sessions.create({ user: 'ada' })
    expect(await server.get(`shop:${id}`)).toContain('"ada"')
    await sessions.close()
  })
})
