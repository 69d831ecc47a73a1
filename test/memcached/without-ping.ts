import { createKey } from '@holdfast/conformance'
import { memcachedStore } from '@holdfast/memcached'
import Memcached from 'memcached'

/**
 * An app that uses its client beside sessions, for two seconds, while the server is away. By itself the client looks for
 * the program `ping` then (`reconnect`: after 50 ms, not 5 h). With `guarded` as its second argument it has a store.
 */
const [address = '', guarded] = process.argv.slice(2)
const client = new Memcached(address, { retries: 0, timeout: 200, retry: 50, reconnect: 50 })
const store = guarded === 'guarded' ? memcachedStore({ client }) : undefined

const ask = (): void => {
  for (let i = 0; i < 10; i++) client.get('something', () => {})
  store?.read(createKey()).catch(() => {})
}
const asking = setInterval(ask, 5)
setTimeout(() => {
  clearInterval(asking)
  console.log('alive')
  void store?.close()
}, 2_000)
