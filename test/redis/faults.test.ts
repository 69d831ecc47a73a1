import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { onTestFinished, describe, expect, it } from 'vitest'
import type { StoreEvent } from '@holdfast/core'
import { faultProxy, type FaultProxy } from '../servers/fault-proxy.js'
import { requireServer } from '../servers/require-server.js'
import { startRedis, type RedisServer, type StartRedisOptions } from '../servers/redis.js'
import { until } from '../servers/until.js'
import { ended, newKey, newRecord, opened, successor } from './opened.js'

const program = await requireServer('redis-server')
/** A call may take 250 ms; the rest is for a busy machine. */
const DEADLINE_AND_SLACK_MS = 1_500

async function started(options?: StartRedisOptions): Promise<RedisServer> {
  const server = await startRedis(options)
  onTestFinished(() => server.stop())
  return server
}

async function behindProxy(): Promise<{ server: RedisServer; proxy: FaultProxy; url: string }> {
  const server = await started()
  const proxy = await faultProxy(server)
  onTestFinished(() => proxy.close())
  return { server, proxy, url: `redis://${proxy.host}:${proxy.port}` }
}

/** Counts the connections that were ever made. */
async function countingProxy(server: RedisServer): Promise<{ url: string; connections(): number }> {
  let connections = 0
  const proxy = createServer((client) => {
    connections += 1
    const socket = connect(server.port, server.host)
    for (const end of [client, socket]) end.on('error', () => {})
    client.pipe(socket).pipe(client)
    client.on('close', () => socket.destroy())
    socket.on('close', () => client.destroy())
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => void proxy.close())
  return { url: `redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`, connections: () => connections }
}

function heard(): StoreEvent[] {
  const events: StoreEvent[] = []
  const listen = (event: unknown): void => void events.push(event as StoreEvent)
  subscribe('holdfast:store', listen)
  onTestFinished(() => void unsubscribe('holdfast:store', listen))
  return events
}

const unavailable = expect.objectContaining({ code: 'STORE_UNAVAILABLE' }) as unknown

describe.skipIf(program === undefined)('faults of one Redis server', () => {
  it('frozen: each call ends at its deadline, then they are refused at once; thawed: it goes on by itself', async () => {
    const server = await started()
    const store = opened(server)
    const events = heard()
    const [key, record] = [newKey(), newRecord()]
    await store.write(key, record, 'absent')
    server.pause()
    const frozen = await Promise.all([
      ended(store.read(key)),
      ended(store.write(key, successor(record), { replaces: record })),
      ended(store.touch(key, record, record.expiresAt + 5_000)),
      ended(store.read(key)),
    ])
    for (const { error, ms } of frozen) {
      expect(error).toEqual(unavailable)
      expect(ms).toBeLessThan(DEADLINE_AND_SLACK_MS)
    }
    expect(events).toContainEqual({ type: 'breaker-opened', store: 'redis' })
    const refused = await Promise.all(Array.from({ length: 50 }, () => ended(store.read(key))))
    expect(refused.filter(({ error }) => (error as { refused?: boolean }).refused).length).toBeGreaterThanOrEqual(49)
    server.resume()
    await until('reads are answered', async () => (await store.read(key)) !== undefined)
    expect(await store.write(newKey(), newRecord(), 'absent')).toEqual({ written: true })
  })

  it('frozen: the connection is dropped after three time-outs, and so is each new one that does not get ready', async () => {
    const server = await started()
    const counted = await countingProxy(server)
    const store = opened(counted)
    const [key, record] = [newKey(), newRecord()]
    await store.write(key, record, 'absent')
    const before = counted.connections()
    server.pause()
    await until('it was connected to four more times', async () => {
      await ended(store.read(key))
      return counted.connections() >= before + 4
    })
    server.resume()
    await until('reads are answered', async () => (await store.read(key)) !== undefined)
    expect(await store.read(key)).toEqual(record)
  })

  it('all connections reset: no call fails', async () => {
    const { proxy, url } = await behindProxy()
    const store = opened({ url }, 'deadline=5000')
    const events = heard()
    const keys = Array.from({ length: 40 }, newKey)
    for (const key of keys) await store.write(key, newRecord(), 'absent')
    for (let round = 0; round < 10; round++) {
      const calls = keys.flatMap((key) => [
        store.read(key),
        store.write(newKey(), newRecord(), 'absent'),
        store.touch(key, newRecord(), Date.now() + 9e6),
      ])
      if (round % 2) await new Promise((resolve) => setImmediate(resolve))
      proxy.reset()
      const after = keys.map((key) => store.read(key))
      await Promise.all([...calls, ...after])
    }
    expect(events).toEqual([])
  })

  it('a reply that is lost: the write is sent once more, finds itself there and changes nothing', async () => {
    const { server, proxy, url } = await behindProxy()
    const store = opened({ url }, 'deadline=5000')
    const [key, record] = [newKey(), newRecord()]
    await store.write(newKey(), newRecord(), 'absent')
    proxy.drop({ direction: 'toClient' })
    const writing = store.write(key, record, 'absent')
    await until('it is written', async () => Number(await server.command('EXISTS', `sess:${key}`)) === 1)
    proxy.reset()
    await proxy.heal()
    expect(await writing).toEqual({ written: false, current: record })
  })

  it('killed, and there again with empty data: absent, not an error, as soon as it is back', async () => {
    const server = await started()
    const store = opened(server)
    const [key, record] = [newKey(), newRecord()]
    await store.write(key, record, 'absent')
    await server.kill()
    const down = await Promise.all(Array.from({ length: 20 }, () => ended(store.read(key))))
    for (const { error, ms } of down) {
      expect(error).toEqual(unavailable)
      expect(ms).toBeLessThan(DEADLINE_AND_SLACK_MS)
    }
    await server.start()
    await until('reads are answered', async () => (await store.read(key)) === undefined)
    expect(await store.write(key, successor(record), { replaces: record })).toEqual({
      written: false,
      current: undefined,
    })
    expect(await store.touch(key, record, record.expiresAt + 1)).toEqual({ written: false, current: undefined })
  })

  it('out of memory: writes say so at once, reads go on', async () => {
    const server = await started({ args: ['--maxmemory', '3mb', '--maxmemory-policy', 'noeviction'] })
    const store = opened(server, 'deadline=5000')
    const events = heard()
    const [key, record] = [newKey(), newRecord()]
    await store.write(key, record, 'absent')
    const data = 'x'.repeat(50_000)
    let failure: unknown
    for (let n = 0; n < 200 && failure === undefined; n++) {
      failure = (await ended(store.write(newKey(), newRecord({ data }), 'absent'))).error
    }
    expect(failure).toMatchObject({ code: 'STORE_UNAVAILABLE', status: 503, refused: true })
    expect(String(failure)).toMatch(/redis: the write failed: OOM: .*maxmemory.*Give it more memory/)
    for (let n = 0; n < 10; n++) {
      expect((await ended(store.write(newKey(), newRecord({ data }), 'absent'))).error).toEqual(unavailable)
      expect(await store.read(key)).toEqual(record)
    }
    expect(events).toEqual([])
    await server.command('CONFIG', 'SET', 'maxmemory', '0')
    expect(await store.write(newKey(), newRecord(), 'absent')).toEqual({ written: true })
  })

  it('a replica all of a sudden: writes say so and the connection is made anew, reads go on', async () => {
    const [master, server] = [await started(), await started()]
    const store = opened(server, 'deadline=5000')
    const [key, record] = [newKey(), newRecord()]
    await store.write(key, record, 'absent')
    const clientIds = async () =>
      [...String(await server.command('CLIENT', 'LIST', 'TYPE', 'NORMAL')).matchAll(/^id=(\d+)/gm)].map(([, id]) => id)
    const before = await clientIds()
    await server.command('REPLICAOF', master.host, String(master.port))
    const { error } = await ended(store.write(key, successor(record), { replaces: record }))
    expect(String(error)).toMatch(/READONLY: it is a replica now/)
    expect(error).toMatchObject({ refused: false })
    await store.read(key)
    expect((await clientIds()).filter((id) => before.includes(id))).toEqual([])
    await server.command('REPLICAOF', 'NO', 'ONE')
    const next = newRecord()
    expect(await store.write(newKey(), next, 'absent')).toEqual({ written: true })
  })

  it('replies that come too late are counted, and answer nothing', async () => {
    const { proxy, url } = await behindProxy()
    const store = opened({ url }, 'deadline=100')
    const [key, record] = [newKey(), newRecord()]
    await until('it is connected', async () => (await store.read(key)) === undefined)
    const events = heard()
    proxy.delay(400, { direction: 'toClient' })
    const late = await ended(store.write(key, record, 'absent'))
    expect(late.error).toMatchObject({ code: 'STORE_UNAVAILABLE', refused: false })
    await until('the late reply is counted', () => events.some(({ type }) => type === 'late-reply'))
    expect(events).toEqual([
      { type: 'timeout', store: 'redis', operation: 'write' },
      { type: 'late-reply', store: 'redis', operation: 'write' },
    ])
    await proxy.heal()
    await until('it is answered', async () => (await store.read(key))?.tag === record.tag)
  })
})
