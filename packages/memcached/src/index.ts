export { memcachedStore, type MemcachedStoreOptions } from './memcached-store.js'
export type { MemcachedClient } from './library.js'
export { memcached } from './memcached-adapter.js'
