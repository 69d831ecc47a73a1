import type { RedisClient } from './client.js'
import { retryStrategy } from './retry-strategy.js'

/**
 * Connects a client again that has given up, and returns what closes it. ioredis gives up for ever when the failover
 * detector of Sentinel breaks a connection that is just looking for the master.
 */
export function keepOpen(client: RedisClient): () => void {
  let timer: NodeJS.Timeout | undefined
  const reopen = (): void => {
    timer = setTimeout(() => void client.connect().catch(() => {}), retryStrategy(1)).unref()
  }
  client.on('end', reopen)
  // Without a listener ioredis prints every error; what a call meets, it says itself.
  client.on('error', () => {})
  return () => {
    client.off('end', reopen)
    clearTimeout(timer)
    client.disconnect()
  }
}
