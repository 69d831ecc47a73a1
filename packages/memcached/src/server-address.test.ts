import { expect, test } from 'vitest'
import { serverAddress } from './server-address.js'

test.each([
  ['127.0.0.1:11211', '127.0.0.1:11211'],
  ['127.0.0.1', '127.0.0.1:11211'],
  ['cache-1.internal:1', 'cache-1.internal:1'],
  ['[::1]:11300', '::1:11300'],
  ['[fe80::1]', 'fe80::1:11211'],
])('%s is %s to the library', (text, address) => {
  expect(serverAddress(text)).toBe(address)
})

test.each(['', ':11211', 'a:', 'a:0', 'a:65536', 'a:b', '::1', 'a b:1', 'a/b', '[::1', 'memcached://a'])(
  '%j is refused',
  (text) => {
    const message = `memcachedStore: server is ${JSON.stringify(text)}. Write host:port, such as '127.0.0.1:11211'.`
    expect(() => serverAddress(text)).toThrow(expect.objectContaining({ code: 'CONFIG', message }))
  },
)
