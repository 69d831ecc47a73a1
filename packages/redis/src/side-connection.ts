import type { RedisConnection } from './client.js'
import { keepOpen } from './keep-open.js'
import { retryStrategy } from './retry-strategy.js'

export interface SideConnection {
  readonly connection: RedisConnection
  close(): void
}

/**
 * A connection of its own to the server of another one, for what would disturb the calls on that. With the settings of
 * clients that this package opens, whatever the other's are, and without a prefix; it connects when it is first used.
 */
export function sideConnection(connection: RedisConnection, override: object = {}): SideConnection {
  const side = connection.duplicate({
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 500,
    commandTimeout: undefined,
    enableAutoPipelining: false,
    stringNumbers: false,
    readOnly: false,
    keyPrefix: '',
    protocol: 2,
    replyMapping: 'legacy',
    retryStrategy,
    lazyConnect: true,
    ...override,
  })
  return { connection: side, close: keepOpen(side) }
}
