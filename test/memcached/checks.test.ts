import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, describe, expect, test } from 'vitest'
import { createKey, createRecord } from '@holdfast/conformance'
import { createEngine, isStoreUnavailable, type SessionStore } from '@holdfast/core'
import { memcachedStore } from '@holdfast/memcached'
import { freePort } from '../servers/free-port.js'
import { startMemcached } from '../servers/memcached.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import { DEADLINE_MS, IN_TIME_MS } from './calls.js'
import { oddServer } from './odd-servers.js'

const program = await requireServer('memcached')

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp()
})
const openStore = (server: string) => {
  const store = memcachedStore({ server, deadlineMs: DEADLINE_MS })
  cleanups.push(() => store.close())
  return store
}

async function ready(store: SessionStore): Promise<true> {
  if (!store.ready) throw new Error('it does not say')
  await store.ready()
  return true
}

describe('ready()', () => {
  test.skipIf(program === undefined)('says yes of Memcached, again and again', async () => {
    const server = await startMemcached()
    cleanups.push(() => server.stop())
    const store = openStore(server.address)
    await ready(store)
    await ready(store)
    await server.pause()
    await expect(ready(store)).rejects.toThrow('cannot be used (memcached: no answer to a read within 750 ms.)')
    server.resume()
    await until('it is ready', () => ready(store))
  })

  test('says of a server that is not there where it was looked for and what to do', async () => {
    const address = `127.0.0.1:${await freePort()}`
    const store = openStore(address)
    for (let i = 0; i < 5; i++) {
      const message = `memcached: the server ${address} cannot be used (connect ECONNREFUSED ${address}). Start it, or correct its address.`
      await expect(ready(store)).rejects.toThrow(message)
    }
  })

  /** Proxies that are known to differ: no `gets`; a `cas` that is a `set`; keys on other servers. */
  test.each([
    ['does not know gets', () => 'ERROR\r\n', /cannot be used \(.*ERROR/],
    [
      'compares nothing',
      (line: string) => {
        const [command, key] = line.split(' ')
        if (command === 'gets') return `VALUE ${key} 0 5 7\r\nfirst\r\nEND\r\n`
        return command === 'add' || command === 'cas' ? 'STORED\r\n' : undefined
      },
      /cannot keep sessions: cas with an id that is out of date succeeds\. Connect to Memcached itself/,
    ],
    [
      'never compares alike',
      (line: string) => {
        const [command, key] = line.split(' ')
        if (command === 'gets') return `VALUE ${key} 0 5 7\r\nfirst\r\nEND\r\n`
        return command === 'add' ? 'STORED\r\n' : command === 'cas' ? 'EXISTS\r\n' : undefined
      },
      /cannot keep sessions: cas with the id that gets gave fails/,
    ],
    [
      'forgets at once',
      (line: string) => (line.startsWith('gets ') ? 'END\r\n' : line.startsWith('add ') ? 'STORED\r\n' : undefined),
      /cannot keep sessions: what was just added cannot be read/,
    ],
  ])('says of a server that %s that it cannot keep sessions', async (_, answer, message) => {
    const server = await oddServer(answer)
    cleanups.push(() => server.close())
    await expect(ready(openStore(server.address))).rejects.toThrow(message)
  })

  test('of sessions rejects with that sentence', { timeout: 60_000 }, async () => {
    const server = await oddServer(() => 'ERROR\r\n')
    cleanups.push(() => server.close())
    const sessions = createEngine({
      secret: 'a secret of at least thirty-two bytes',
      store: `memcached://${server.address}`,
    })
    cleanups.push(() => sessions.close())
    await expect(sessions.ready()).rejects.toThrow(/is not ready after 10 s: memcached: the server .* cannot be used/)
  })
})

describe('a server that answers nonsense', () => {
  test.each([
    ['an answer to another question', 'STORED\r\n'],
    ['an item that nobody asked for', 'VALUE sess:other 0 1 5\r\nx\r\nEND\r\n'],
    ['an item without its version', 'VALUE other 0 1\r\nx\r\nEND\r\n'],
    ['a line that the library cannot parse', 'ITEM\r\n'],
    ['a version that is none', 'VERSION\r\n'],
    ['words', 'hello there\r\n'],
    ['a page', 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'],
    ['an error', 'SERVER_ERROR out of memory\r\n'],
    ['half an item', 'VALUE sess:x 0 100 5\r\nhalf\r\n'],
    ['nothing', ''],
  ])('%s: each call fails in time, and the process goes on', async (_, answer) => {
    const server = await oddServer(() => answer)
    cleanups.push(() => server.close())
    const store = openStore(server.address)
    const startedAt = performance.now()
    const calls = [
      ...Array.from({ length: 10 }, () => store.read(createKey())),
      ...(answer === 'STORED\r\n' ? [] : [store.write(createKey(), createRecord(), 'absent')]),
      store.touch(createKey(), createRecord(), createRecord().expiresAt + 1_000),
    ]
    for (const result of await Promise.allSettled(calls)) {
      expect(result.status === 'rejected' && isStoreUnavailable(result.reason)).toBe(true)
    }
    expect(performance.now() - startedAt).toBeLessThan(IN_TIME_MS)
  })
})

test.skipIf(program === undefined)(
  'a server that drops sessions to make room is reported',
  { timeout: 90_000 },
  async () => {
    const events: unknown[] = []
    const collect = (event: unknown) => void events.push(event)
    subscribe('holdfast:store', collect)
    cleanups.push(async () => void unsubscribe('holdfast:store', collect))
    const server = await startMemcached(['-m', '2'])
    cleanups.push(() => server.stop())
    const store = openStore(server.address)
    const data = 'x'.repeat(10_000)
    const fill = async () => {
      for (let i = 0; i < 50; i++) await store.write(createKey(), createRecord({ data }), 'absent')
      return events.length > 0
    }
    await until('evictions are reported', fill, 60_000)
    expect(events[0]).toMatchObject({ type: 'evicted', store: 'memcached', count: expect.any(Number) as number })
    expect(await server.stat('evictions')).toBeGreaterThan(0)
  },
)
