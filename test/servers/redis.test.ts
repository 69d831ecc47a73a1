import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { startNode } from '../process.js'
import { startRedis, type RedisServer, type StartRedisOptions } from './redis.js'
import { infoOf } from './redis-process.js'
import { requireServer } from './require-server.js'
import { until } from './until.js'

const program = await requireServer('redis-server')
const openssl = await requireServer('openssl')

const servers: RedisServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
})
const start = async (options?: StartRedisOptions): Promise<RedisServer> => {
  const server = await startRedis(options)
  servers.push(server)
  return server
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe.skipIf(program === undefined)('one Redis server', () => {
  test('answers; killed it is gone; restarted it is empty and on the same port', async () => {
    const server = await start()
    expect(await server.command('SET', 'key', 'value')).toBe('OK')
    const { pid, port, url } = server
    expect(url).toBe(`redis://127.0.0.1:${port}`)
    await server.kill()
    expect(isRunning(pid)).toBe(false)
    await expect(server.command('PING')).rejects.toThrow()
    await server.restart()
    expect([server.port, await server.command('GET', 'key')]).toEqual([port, null])
  })

  test('paused it answers nothing, though it is connected to; resumed it does', async () => {
    const server = await start()
    const client = new Redis({ port: server.port, commandTimeout: 300, retryStrategy: () => null })
    onTestFinished(() => client.disconnect())
    await client.ping()
    server.pause()
    await expect(client.get('key')).rejects.toThrow('timed out')
    server.resume()
    expect(await client.get('key')).toBeNull()
  })

  test('persistent: a restart keeps all, unless it is to be empty', async () => {
    const server = await start({ persistent: true })
    await server.command('SET', 'key', 'value')
    await server.restart()
    expect(await server.command('GET', 'key')).toBe('value')
    await server.restart({ empty: true })
    expect(await server.command('GET', 'key')).toBeNull()
  })

  test('with a password, with arguments, as a replica', async () => {
    const options = { password: 'a /word', args: ['--maxmemory', '3mb'] }
    const master = await start(options)
    const replica = await start({ ...options, replicaOf: master })
    await until('it is linked', async () => (await infoOf(replica, 'replication', 'master_link_status')) === 'up')
    const client = new Redis(master.url)
    onTestFinished(() => client.disconnect())
    expect(await client.config('GET', 'maxmemory')).toEqual(['maxmemory', '3145728'])
    const stranger = new Redis({ port: master.port, retryStrategy: () => null }).on('error', () => {})
    onTestFinished(() => stranger.disconnect())
    await expect(stranger.get('key')).rejects.toThrow('NOAUTH')
  })

  test.skipIf(openssl === undefined)('with TLS: who trusts its authority is served', async () => {
    for (const tls of ['trusted', 'untrusted'] as const) {
      const server = await start({ tls })
      expect(server.url).toMatch(/^rediss:/)
      const client = new Redis(server.url, { tls: { ca: server.ca }, lazyConnect: true, retryStrategy: () => null })
      onTestFinished(() => client.disconnect())
      const errors: string[] = []
      client.on('error', ({ message }) => errors.push(message))
      const answer = client.connect().then(() => client.ping())
      if (tls === 'trusted') expect(await answer).toBe('PONG')
      else await expect(answer).rejects.toThrow()
      expect(errors.join()).toMatch(tls === 'trusted' ? /^$/ : /certificate/)
    }
  })

  test('arguments that it does not know: says what it printed, and nothing is left', async () => {
    const before = await readdir(tmpdir())
    await expect(startRedis({ args: ['--nonsense', '1'] })).rejects.toThrow(/nonsense/)
    const left = (await readdir(tmpdir())).filter(
      (name) => name.startsWith('holdfast-server-') && !before.includes(name),
    )
    expect(left).toEqual([])
  })

  test('stopped, also while paused, it leaves no process and no folder', async () => {
    const server = await start()
    const { pid } = server
    const [, folder] = (await server.command('CONFIG', 'GET', 'dir')) as [string, string]
    expect(existsSync(folder)).toBe(true)
    server.pause()
    await server.stop()
    await server.stop()
    expect([isRunning(pid), existsSync(folder)]).toEqual([false, false])
  })

  test.skipIf(process.platform !== 'linux').each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)(
    'a process of tests that ends by %s leaves no server, not even a paused one, and no folder',
    async (signal) => {
      const folder = await mkdtemp(join(tmpdir(), 'holdfast-left-'))
      onTestFinished(() => rm(folder, { recursive: true, force: true }))
      const child = startNode('test/servers/fixtures/leaves-redis.ts', { env: { TMPDIR: folder } })
      const [, pid] = await child.printed(/paused (\d+)/)
      const ours = async () => (await readdir(folder)).filter((name) => name.startsWith('holdfast-server-'))
      expect(await ours()).toHaveLength(1)
      await child.stop(signal)
      await until('the server is gone', () => !isRunning(Number(pid)))
      await until('its folder is gone', async () => (await ours()).length === 0)
    },
  )
})
