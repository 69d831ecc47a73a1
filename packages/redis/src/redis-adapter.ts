import type { StoreAdapter } from '@holdfast/core'
import { openClient } from './open-client.js'
import { redisStoreWithOwnClient } from './redis-store.js'
import { parseRedisUrl } from './redis-url.js'

/** Opens `redis:`, `rediss:`, `redis+sentinel:` and `redis+cluster:` URLs at once, and connects in the background. */
export const redis: StoreAdapter = {
  name: 'redis',
  schemes: ['redis', 'rediss', 'redis+sentinel', 'redis+cluster'],
  open: (url, { clock }) => {
    const target = parseRedisUrl(url)
    const { prefix, deadlineMs, durability } = target.options
    return redisStoreWithOwnClient({ client: openClient(target), prefix, deadlineMs, durability, clock })
  },
}
