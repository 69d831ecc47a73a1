import { afterEach, describe, expect, test } from 'vitest'
import type { SessionStore } from '@holdfast/core'
import { memcached } from './memcached-adapter.js'

const opened: SessionStore[] = []
const open = (url: string) =>
  opened.push(memcached.open(url, { clock: Date.now, idleMs: 60_000, absoluteMs: 60_000 }) as SessionStore)
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

const HELP = "Write 'memcached://127.0.0.1:11211'."

describe('memcached: as a URL', () => {
  test.each([
    'memcached://127.0.0.1',
    'memcached://cache.internal:11300/',
    'MEMCACHED://[::1]:11211',
    'memcached://cache?prefix=shop:&deadline=100',
  ])('%s is opened without waiting for the server', (url) => {
    open(url)
    expect(opened[0]?.name).toBe('memcached')
  })

  test.each(['memcached://a,b:11300', 'memcached://a,b,c?copies=3&prefix=shop:'])(
    '%s is each session on several servers',
    (url) => {
      open(url)
      expect(opened[0]?.name).toBe('replicate')
    },
  )

  test.each([
    ['memcached:', `store: "memcached:" is not understood. ${HELP}`],
    ['memcached://', `store: "memcached://" is not understood. ${HELP}`],
    ['memcached://a/b', `store: "memcached://a/b" is not understood. ${HELP}`],
    ['memcached://user:secret@a/b', `store: "memcached://***@a/b" is not understood. ${HELP}`],
    [
      'memcached://user:secret@a',
      `store: 'memcached:' takes no user and password; the server must only be reachable for you. ${HELP}`,
    ],
    ['memcached://a:1x', `memcachedStore: server is "a:1x". Write host:port, such as '127.0.0.1:11211'.`],
    ['memcached://a,a:11211', 'store: the URL names the server a:11211 twice. Name each once.'],
    ['memcached://a,,b', `memcachedStore: server is "". Write host:port, such as '127.0.0.1:11211'.`],
    [
      'memcached://a?copies=2',
      `store: copies of 'memcached:' is "2", and the URL names one server. Give 2 or more, of as many servers: 'memcached://a,b,c?copies=2'.`,
    ],
    [
      'memcached://a,b,c?copies=4',
      `store: copies of 'memcached:' is "4", and the URL names 3 servers. Give 2 or more, of as many servers: 'memcached://a,b,c?copies=2'.`,
    ],
    [
      'memcached://a,b?copies=1',
      `store: copies of 'memcached:' is "1", and the URL names 2 servers. Give 2 or more, of as many servers: 'memcached://a,b,c?copies=2'.`,
    ],
    ['memcached://a?copy=2', `store: 'memcached:' has no option "copy". It has prefix, deadline and copies.`],
    ['memcached://a?deadline=0', `store: deadline of 'memcached:' is "0". Use whole ms, such as 250.`],
    ['memcached://a?deadline=1s', `store: deadline of 'memcached:' is "1s". Use whole ms, such as 250.`],
    [
      'memcached://a?prefix=%24%26',
      `memcachedStore: prefix is "$&". Use 1 to 136 letters, digits and '_', '.', ':', '-'.`,
    ],
  ])('%s is refused and says what to do', (url, message) => {
    expect(() => open(url)).toThrow(expect.objectContaining({ code: 'CONFIG', message }))
  })
})
