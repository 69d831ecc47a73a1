import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis'
import type { RedisClient } from './client.js'
import type { RedisTarget } from './redis-url.js'
import { retryStrategy } from './retry-strategy.js'

/**
 * Opens the client for a URL; it connects in the background and goes on trying. No setting queues, repeats or waits: what
 * is not answered in time is settled by core, and a command that Redis finds in a queue later would be a surprise. There
 * is no `commandTimeout`: the store has its own, and late replies are to be seen.
 */
export const openClient = (target: RedisTarget): RedisClient =>
  target.kind === 'cluster' ? openCluster(target) : openRedis(target)

function openRedis(target: RedisTarget): Redis {
  const settings = { ...connectionSettings(target), retryStrategy, db: target.db }
  const [address] = target.addresses
  if (target.kind === 'single') return new Redis({ ...settings, ...address })
  const { sentinelUsername, sentinelPassword } = target.options
  return new Redis({
    ...settings,
    sentinels: [...target.addresses],
    name: target.masterName as string,
    sentinelRetryStrategy: retryStrategy,
    // A frozen Sentinel is connected to by its kernel, and would be asked for ever.
    sentinelCommandTimeout: CONNECT_MS,
    failoverDetector: true,
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(settings.tls && { sentinelTLS: settings.tls, enableTLSForSentinelMode: true }),
  })
}

function openCluster(target: RedisTarget): Cluster {
  const redisOptions = connectionSettings(target)
  return new Cluster([...target.addresses], {
    redisOptions,
    enableOfflineQueue: false,
    clusterRetryStrategy: retryStrategy,
    slotsRefreshTimeout: CONNECT_MS,
    slotsRefreshInterval: 5_000,
    maxRedirections: 3,
    // CLUSTERDOWN is an answer: to wait for another one would look like a node that hangs.
    retryDelayOnClusterDown: 0,
    // Under TLS the name is what the certificate is checked against, so it is not turned into an address.
    ...(redisOptions.tls && { dnsLookup: keepName }),
  })
}

const keepName: NonNullable<ClusterOptions['dnsLookup']> = (name, callback) => callback(null, name)

const CONNECT_MS = 500

const connectionSettings = (target: RedisTarget) =>
  ({
    ...(target.username !== undefined && { username: target.username }),
    ...(target.password !== undefined && { password: target.password }),
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_MS,
    keepAlive: 30_000,
    disableClientInfo: true,
    // ioredis 5 speaks nothing else, so both do the same.
    protocol: 2 as const,
    ...(target.isTls && { tls: tlsSettings(target) }),
  }) satisfies RedisOptions

function tlsSettings({ options: { ca, cert, key, servername } }: RedisTarget) {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(servername !== undefined && { servername }),
  }
}
