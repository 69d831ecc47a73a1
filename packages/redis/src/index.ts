export { redisStore, type RedisStoreOptions } from './redis-store.js'
export { redis } from './redis-adapter.js'
