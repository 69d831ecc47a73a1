import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createKey, createRecord, createSuccessor, createTombstone } from '@holdfast/conformance'
import type { SessionStore, StoreEvent } from '@holdfast/core'
import { memcachedStore } from '@holdfast/memcached'
import { faultProxy, type FaultProxy } from '../servers/fault-proxy.js'
import { startMemcached, type MemcachedServer } from '../servers/memcached.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import { DEADLINE_MS, IN_TIME_MS, reads, recovery, tryAll } from './calls.js'

/** A probe goes each half second; the rest is for a busy machine. */
const RECOVERED_MS = 5_000

const program = await requireServer('memcached')

describe.skipIf(program === undefined)('one Memcached server that', () => {
  let server: MemcachedServer
  let proxy: FaultProxy
  let store: SessionStore
  let events: StoreEvent[]
  const collect = (event: unknown) => void events.push(event as StoreEvent)
  const openStore = () => memcachedStore({ server: `${proxy.host}:${proxy.port}`, deadlineMs: DEADLINE_MS })

  beforeEach(async () => {
    events = []
    server = await startMemcached()
    proxy = await faultProxy(server)
    store = openStore()
    subscribe('holdfast:store', collect)
  })
  afterEach(async () => {
    unsubscribe('holdfast:store', collect)
    await store.close()
    await proxy.close()
    await server.stop()
  })

  const kept = async () => {
    const [key, record] = [createKey(), createRecord()]
    await store.write(key, record, 'absent')
    return { key, record }
  }

  test('is asked by 200 calls at once, before there is a connection, answers them all', async () => {
    expect(await tryAll(reads(store, 200))).toMatchObject({ failed: 0 })
  })

  test('is killed: calls under way fail in time, the next ones at once; back and empty, it is used again', async () => {
    const { key, record } = await kept()
    await server.pause()
    const underWay = tryAll(reads(store, 50))
    await server.kill()
    expect(await underWay).toMatchObject({ failed: 50, worstMs: expect.toSatisfy((ms: number) => ms < IN_TIME_MS) })
    for (let i = 0; i < 20; i++) expect(await tryAll(reads(store, 1))).toMatchObject({ failed: 1 })
    await server.start()
    expect(await recovery(store)).toBeLessThan(RECOVERED_MS)
    expect(await store.read(key)).toBeUndefined()
    const update = await store.write(key, createSuccessor(record), { replaces: record })
    expect(update).toEqual({ written: false, current: undefined })
  })

  test('is killed while calls wait for it: they fail with the connection, not at their deadline', async () => {
    await kept()
    const store = memcachedStore({ server: server.address, deadlineMs: 20_000 })
    await store.read(createKey())
    await server.pause()
    const underWay = tryAll(reads(store, 50))
    await server.kill()
    expect((await underWay).worstMs).toBeLessThan(10_000)
    await store.close()
  })

  test('hangs (SIGSTOP): each call ends in time, after three at once; goes on with all it had', async () => {
    const { key, record } = await kept()
    await server.pause()
    for (let i = 0; i < 3; i++) expect((await tryAll(reads(store, 1))).worstMs).toBeLessThan(IN_TIME_MS)
    expect(events.map(({ type }) => type)).toEqual(['timeout', 'timeout', 'timeout', 'breaker-opened'])
    await expect(store.read(createKey())).rejects.toMatchObject({ refused: true })
    const calls = [
      () => store.write(createKey(), createRecord(), 'absent'),
      () => store.write(key, createTombstone(), 'newer'),
      () => store.touch(key, record, record.expiresAt + 1),
    ]
    expect(await tryAll(calls)).toMatchObject({ failed: 3 })
    server.resume()
    expect(await recovery(store)).toBeLessThan(RECOVERED_MS)
    expect(await store.read(key)).toMatchObject(record)
  })

  test('hangs: a write that was given up and takes effect later is an own write, seen by its tag', async () => {
    const { key, record } = await kept()
    const read = await store.read(key)
    const next = createSuccessor(record)
    await server.pause()
    expect(await tryAll([() => store.write(key, next, { replaces: read ?? record })])).toMatchObject({ failed: 1 })
    server.resume()
    await recovery(store)
    await until('it took effect', async () => (await store.read(key))?.tag === next.tag)
    const again = await store.write(key, next, { replaces: read ?? record })
    expect(again).toMatchObject({ written: false, current: next })
  })

  test('is not there at the start, and comes later: fails at once, is found without a new store', async () => {
    await server.kill()
    expect(await tryAll(reads(store, 10))).toMatchObject({ failed: 10 })
    await server.start()
    expect(await recovery(store)).toBeLessThan(RECOVERED_MS)
  })

  test('resets all connections: calls under way fail, the next one goes over a new connection', async () => {
    const { key, record } = await kept()
    await server.pause()
    const underWay = tryAll(reads(store, 2))
    await until('they are on their way', () => proxy.connections === 1)
    proxy.reset()
    expect(await underWay).toMatchObject({ failed: 2 })
    server.resume()
    expect(await store.read(key)).toMatchObject(record)
  })

  test('is cut off without a word: one call pays for it, the next goes over a new connection', async () => {
    const { key, record } = await kept()
    proxy.drop({ established: true })
    expect(await tryAll(reads(store, 1))).toMatchObject({ failed: 1 })
    expect(await store.read(key)).toMatchObject(record)
  })

  test('answers too late: each call ends in time, and no late answer is taken for that of another', async () => {
    const { key, record } = await kept()
    proxy.delay(DEADLINE_MS + 200, { direction: 'toClient' })
    for (let i = 0; i < 5; i++) {
      const { failed, worstMs } = await tryAll([() => store.read(key)])
      expect([failed, worstMs < IN_TIME_MS]).toEqual([1, true])
    }
    await proxy.heal()
    await recovery(store)
    expect(await store.read(createKey())).toBeUndefined()
    expect(await store.read(key)).toMatchObject(record)
  })

  test('answers a call that had less time too late: that answer is ignored and counted', async () => {
    const { key, record } = await kept()
    await server.pause()
    const late = tryAll([() => store.read(key, { timeoutMs: 20 })])
    expect(await late).toMatchObject({ failed: 1 })
    server.resume()
    expect(await store.read(key)).toMatchObject(record)
    await until('it is counted', () => events.some(({ type }) => type === 'late-reply'))
    expect(events.map(({ type }) => type)).toEqual(['timeout', 'late-reply'])
  })

  test('cuts its answers anywhere: what is read is whole, or the call fails', async () => {
    const key = createKey()
    const record = createRecord({ data: 'x'.repeat(300) })
    await store.write(key, record, 'absent')
    for (let bytes = 1; bytes < 400; bytes += 13) {
      proxy.cutAfter(bytes, { direction: 'toClient', established: true })
      const data = await store.read(key).then(
        (read) => read?.data,
        () => 'failed',
      )
      expect(['failed', record.data]).toContain(data)
      await recovery(store)
    }
  })

  test('sends bytes that make no sense: the call fails or reads what is no session, and the process goes on', async () => {
    const { key, record } = await kept()
    for (let byte = 1; byte < 120; byte += 3) {
      proxy.corrupt(byte, { direction: 'toClient', established: true })
      await tryAll([() => store.read(key)])
      proxy.reset()
      await proxy.heal()
      await recovery(store)
    }
    expect(await store.read(key)).toMatchObject(record)
  })

  test('starts again with the numbers of before: what was read from the old one replaces nothing in the new one', async () => {
    await server.restart()
    const key = createKey()
    const first = createRecord({ data: 'before' })
    await store.write(key, first, 'absent')
    const read = await store.read(key)
    await server.restart()
    const theirs = createRecord({ data: 'theirs' })
    const other = openStore()
    await other.write(key, theirs, 'absent')
    await other.close()
    await recovery(store)
    const outcome = await store.write(key, createSuccessor(first), { replaces: read ?? first })
    expect(outcome).toMatchObject({ written: false, current: theirs })
  })

  test('hangs while the store is closed: closing waits for nothing, calls under way fail', async () => {
    await kept()
    await server.pause()
    const underWay = tryAll(reads(store, 5))
    await store.close()
    const { failed, worstMs } = await underWay
    expect(failed).toBe(5)
    expect(worstMs).toBeLessThan(IN_TIME_MS)
    server.resume()
    await until('no connection is left', () => proxy.connections === 0)
  })
})
