import { Cluster, Redis } from 'ioredis'
import { expect, it, vi } from 'vitest'
import type { RedisClient } from './client.js'

/** Which settings are warned about; each time by a fresh copy of core, as a warning comes once in a process. */
async function warnedOf(client: RedisClient, deadlineMs = 250): Promise<string[]> {
  vi.resetModules()
  const { warnOfSettings } = await import('./client-settings.js')
  const messages: string[] = []
  const emit = vi.spyOn(process, 'emitWarning').mockImplementation((message) => void messages.push(String(message)))
  warnOfSettings(client, deadlineMs)
  emit.mockRestore()
  return messages.map((message) => /the client has (\S+: \S+)\./.exec(message)?.[1] ?? message)
}

const good = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 1,
  connectTimeout: 1_000,
}
const redis = (options: object = {}): Redis => new Redis({ ...good, ...options })
const cluster = (options: object = {}): Cluster =>
  new Cluster(['127.0.0.1:1'], {
    lazyConnect: true,
    enableOfflineQueue: false,
    redisOptions: { connectTimeout: 500 },
    ...options,
  })

it('says nothing of good settings', async () => {
  expect(await warnedOf(redis())).toEqual([])
  expect(await warnedOf(cluster())).toEqual([])
  expect(await warnedOf(redis({ commandTimeout: 251 }))).toEqual([])
})

it('names what ioredis does when nothing is set', async () => {
  expect(await warnedOf(new Redis({ lazyConnect: true }))).toEqual([
    'enableOfflineQueue: true',
    'autoResendUnfulfilledCommands: true',
    'maxRetriesPerRequest: 20',
    'connectTimeout: 10000',
  ])
  expect(await warnedOf(new Cluster(['127.0.0.1:1'], { lazyConnect: true }))).toEqual([
    'enableOfflineQueue: true',
    'redisOptions.connectTimeout: 10000',
  ])
})

it.each([
  [redis({ enableOfflineQueue: true }), 'enableOfflineQueue: true'],
  [redis({ enableAutoPipelining: true }), 'enableAutoPipelining: true'],
  [redis({ autoResendUnfulfilledCommands: true }), 'autoResendUnfulfilledCommands: true'],
  [redis({ maxRetriesPerRequest: null }), 'maxRetriesPerRequest: null'],
  [redis({ maxRetriesPerRequest: 2 }), 'maxRetriesPerRequest: 2'],
  [redis({ connectTimeout: 0 }), 'connectTimeout: 0'],
  [redis({ commandTimeout: 250 }), 'commandTimeout: 250'],
  [cluster({ scaleReads: 'slave' }), 'scaleReads: slave'],
  [cluster({ scaleReads: () => undefined }), 'scaleReads: a function'],
  [cluster({ redisOptions: { connectTimeout: 500, commandTimeout: 9 } }), 'redisOptions.commandTimeout: 9'],
])('names the one that is unsafe: %#', async (client, finding) => {
  const warned = await warnedOf(client)
  expect(warned).toHaveLength(1)
  expect(warned[0]).toContain(finding.replace('a function', 'a'))
})
