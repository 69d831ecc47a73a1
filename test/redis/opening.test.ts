import { createSessions } from '@holdfast/express'
import { redis } from '@holdfast/redis'
import { readFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { inspect } from 'node:util'
import { onTestFinished, describe, expect, it } from 'vitest'
import { requireServer } from '../servers/require-server.js'
import { startRedis, type RedisServer, type StartRedisOptions } from '../servers/redis.js'
import { until } from '../servers/until.js'
import { ended, newKey, newRecord, opened } from './opened.js'

const program = await requireServer('redis-server')
const openssl = await requireServer('openssl')

async function started(options?: StartRedisOptions): Promise<RedisServer> {
  const server = await startRedis(options)
  onTestFinished(() => server.stop())
  return server
}

const secret = 'a secret of the tests, 32 bytes at least'

describe.skipIf(program === undefined)('opening Redis by its URL', () => {
  it('makes the first calls wait for the connection, in the same tick too', async () => {
    const store = opened(await started(), 'deadline=5000')
    const [key, record] = [newKey(), newRecord()]
    const [read, written] = await Promise.all([store.read(newKey()), store.write(key, record, 'absent')])
    expect([read, written]).toEqual([undefined, { written: true }])
  })

  it('gives the first request after createSessions its session', async () => {
    const server = await started()
    const sessions = createSessions<{ n: number }>({ secret, store: `${server.url}?deadline=5000` })
    onTestFinished(() => sessions.close())
    const { cookie } = await sessions.create({ n: 1 })
    expect((await sessions.read({ headers: { cookie } } as never))?.n).toBe(1)
    await sessions.ready()
  })

  it('waits for no server: the app starts, calls are refused at once, and all is well when there is one', async () => {
    const server = await started()
    await server.kill()
    const startedAt = performance.now()
    const store = opened(server)
    expect(performance.now() - startedAt).toBeLessThan(200)
    const first = await ended(store.read(newKey()))
    expect(first.error).toMatchObject({ code: 'STORE_UNAVAILABLE', refused: true })
    expect(String(first.error)).toMatch(/redis is not connected: connect ECONNREFUSED/)
    const later = await Promise.all(
      Array.from({ length: 100 }, () => ended(store.write(newKey(), newRecord(), 'absent'))),
    )
    for (const { error, ms } of later) {
      expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', refused: true })
      expect(ms).toBeLessThan(200)
    }
    await expect(store.ready?.()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await server.start()
    await until('a call is answered', async () => (await store.read(newKey())) === undefined)
    await store.ready?.()
  })

  it('says that the password is missing or wrong, and never which it is', async () => {
    const server = await started({ password: 'right-one' })
    for (const [credentials, reason] of [
      ['', /NOAUTH: it demands a password/],
      [':wrong-one@', /WRONGPASS: it does not know this user or password/],
      ['nobody:wrong-one@', /WRONGPASS: it does not know this user or password/],
    ] as const) {
      const url = server.url.replace(/:\/\/.*@/, `://${credentials}`)
      const { error } = await ended(opened({ url }).read(newKey()))
      expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', refused: true, message: expect.stringMatching(reason) })
      expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/wrong-one|right-one/)
    }
    expect(await opened(server).read(newKey())).toBeUndefined()
  })

  it('says what a user may not do', async () => {
    const server = await started()
    const create = (name: string, ...rules: string[]) => server.command('ACL', 'SETUSER', name, 'on', '>pw', ...rules)
    const minimum = ['+get', '+set', '+eval', '+evalsha', '+getrange', '+setrange', '+pexpire', '+pttl', '~sess:*']
    // With +info, as ioredis prints a warning without it.
    await create('enough', ...minimum, '+info')
    await create('reader', '+get', '+info', '~sess:*')
    const as = (user: string) => opened({ url: server.url.replace('://', `://${user}:pw@`) })
    const store = as('enough')
    const [key, record] = [newKey(), newRecord()]
    await store.ready?.()
    expect(await store.read(key)).toBeUndefined()
    expect(await store.write(key, record, 'absent')).toEqual({ written: true })
    expect(await store.touch(key, record, record.expiresAt + 9)).toEqual({ written: true })
    const { error } = await ended(as('reader').write(newKey(), newRecord(), 'absent'))
    expect(String(error)).toMatch(/the write failed: NOPERM: this user may not do that.*\+evalsha/)
  })

  it('takes the database of the URL', async () => {
    const server = await started()
    const [one, two] = [opened(server), opened({ url: `${server.url}/2` })]
    const [key, record] = [newKey(), newRecord()]
    await two.write(key, record, 'absent')
    expect(await one.read(key)).toBeUndefined()
    expect(await two.read(key)).toEqual(record)
  })

  it('says that a server takes the connection and does not answer', async () => {
    const sockets: Socket[] = []
    const mute = createServer((socket) => sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1')
    onTestFinished(async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => mute.close(resolve))
    })
    await until('it listens', () => mute.listening)
    const store = opened({ url: `redis://127.0.0.1:${(mute.address() as AddressInfo).port}` })
    await until('it was tried again', () => sockets.length >= 3)
    const { error } = await ended(store.read(newKey()))
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' })
    expect(String((error as { cause?: unknown }).cause ?? error)).toMatch(/not ready within 500 ms|last calls failed/)
  })

  it('throws for a URL that is not understood, before anything is connected', () => {
    const open = () => createSessions({ secret, store: 'redis://127.0.0.1/x', adapters: [redis] })
    expect(open).toThrow('the database in the URL is "x"')
  })

  it('ends calls under way, refuses those after it and leaves no connection when it is closed', async () => {
    const server = await started()
    const store = redis.open(server.url, { clock: Date.now, idleMs: 1, absoluteMs: 1 })
    if (store instanceof Promise) return expect.unreachable()
    await store.read(newKey())
    const under = Array.from({ length: 9 }, () => ended(store.read(newKey())))
    await store.close()
    await store.close()
    for (const { error } of await Promise.all(under)) {
      if (error !== undefined) expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' })
    }
    expect((await ended(store.read(newKey()))).error).toMatchObject({
      refused: true,
      message: 'redis: the store is closed.',
    })
    await until('no client is left', async () => {
      const clients = String(await server.command('CLIENT', 'LIST'))
        .trim()
        .split('\n')
      return clients.length === 1
    })
  })
})

describe.skipIf(program === undefined || openssl === undefined)('TLS', () => {
  it('is spoken with the authority that the URL names', async () => {
    const server = await started({ tls: 'trusted', password: 'a/b' })
    const store = opened(server, `ca=${encodeURIComponent(server.caFile ?? '')}&deadline=5000`)
    expect(await store.write(newKey(), newRecord(), 'absent')).toEqual({ written: true })
    const named = opened(server, `ca=${server.caFile}&servername=localhost&deadline=5000`)
    expect(await named.read(newKey())).toBeUndefined()
    expect(await readFile(server.caFile ?? '', 'utf8')).toBe(server.ca)
  })

  it.each([
    ['of an authority that nobody named', 'trusted', () => ''],
    ['of another authority', 'untrusted', (server: RedisServer) => `ca=${server.caFile}`],
    ['for another name', 'trusted', (server: RedisServer) => `ca=${server.caFile}&servername=redis.example.org`],
  ] as const)('is refused with a certificate %s, with a sentence that says so', async (_, tls, query) => {
    const server = await started({ tls })
    const store = opened(server, [query(server), 'deadline=5000'].filter(Boolean).join('&'))
    const { error } = await ended(store.read(newKey()))
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', refused: true })
    expect(String(error)).toMatch(/redis is not connected: .*(certificate|altnames)/i)
  })
})
