import Memcached from 'memcached'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { memcachedStore, type MemcachedStoreOptions } from './memcached-store.js'

const config = (message: string | RegExp) =>
  expect.objectContaining({ code: 'CONFIG', message: expect.stringMatching(message) as unknown })

describe('options', () => {
  const server = '127.0.0.1:11211'
  const client = new Memcached(server, { retries: 0, timeout: 200 })

  test.each<[string, MemcachedStoreOptions, RegExp]>([
    ['nothing', {}, /pass server: 'host:11211', or client, and not both/],
    ['both', { server, client }, /and not both/],
    ['a bad address', { server: 'a b' }, /memcachedStore: server is "a b"/],
    ['an empty prefix', { server, prefix: '' }, /prefix is ""/],
    ['a prefix that would be run', { server, prefix: "$'" }, /prefix is "\$'"/],
    ['a prefix that leaves no room for keys', { server, prefix: 'x'.repeat(137) }, /Use 1 to 136/],
    ['no time', { server, deadlineMs: 0 }, /deadlineMs is 0/],
    ['no number', { server, deadlineMs: Number.NaN }, /deadlineMs is NaN/],
  ])('%s is refused', (_, options, message) => {
    expect(() => memcachedStore(options)).toThrow(config(message))
  })

  test('a key that core would not make is refused before anything is sent', async () => {
    const store = memcachedStore({ server })
    const key = "x$'victim"
    await expect(store.read(key)).rejects.toThrow(config(/"x\$'victim" is no key/))
    await expect(store.touch(key, { data: '', revision: 1, tag: '', expiresAt: 1 }, 2)).rejects.toThrow(
      config('no key'),
    )
    await store.close()
  })
})

describe("the app's client", () => {
  afterEach(() => vi.restoreAllMocks())

  test('of another library is refused', () => {
    const memjs = { get: () => {}, set: () => {} } as unknown as Memcached
    expect(() => memcachedStore({ client: memjs })).toThrow(config(/not a client of the package 'memcached' 2\.2/))
  })

  test.each([[['a:1', 'b:2', 'c:3']], [{ 'a:1': 1, 'b:2': 1, 'c:3': 1 }]])(
    'of several servers is refused: %j',
    (servers) => {
      const client = new Memcached(servers, { retries: 0, timeout: 200 })
      expect(() => memcachedStore({ client })).toThrow(config('has 3 servers .* Use the URL memcached://a:1,b:2,c:3'))
    },
  )

  test('with unsafe settings is taken, with a warning for each that names it and its value', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue()
    memcachedStore({ client: new Memcached('127.0.0.1:1', { retries: 0, timeout: 200 }) })
    expect(warn).not.toHaveBeenCalled()
    memcachedStore({ client: new Memcached('127.0.0.1:1', { debug: true, maxQueueSize: 100 } as Memcached.options) })
    expect(warn.mock.calls.map(([message]) => message)).toEqual([
      expect.stringContaining("the client's retries is 5; set it to 0"),
      expect.stringContaining("the client's timeout is 5000; set it to 200"),
      expect.stringContaining("the client's maxQueueSize is 100; leave it out"),
      expect.stringContaining("the client's debug is true; set it to false"),
    ])
    expect(warn.mock.calls.map(([, options]) => (options as unknown as { code: string }).code)).toEqual([
      'HOLDFAST_MEMCACHED_RETRIES',
      'HOLDFAST_MEMCACHED_TIMEOUT',
      'HOLDFAST_MEMCACHED_MAXQUEUESIZE',
      'HOLDFAST_MEMCACHED_DEBUG',
    ])
  })
})
