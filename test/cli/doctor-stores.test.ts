import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { faultProxy } from '../servers/fault-proxy.js'
import { freePort } from '../servers/free-port.js'
import { sharedHazelcast } from '../servers/hazelcast-shared.js'
import { requireHazelcast } from '../servers/hazelcast-program.js'
import { startMemcached } from '../servers/memcached.js'
import { infoOf } from '../servers/redis-process.js'
import { startRedisSentinel } from '../servers/redis-sentinel.js'
import { startRedis, type RedisServer } from '../servers/redis.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import { cli, findings } from './cli.js'
import { withWrongClock } from './wrong-clock.js'

const redisProgram = await requireServer('redis-server')
const memcachedProgram = await requireServer('memcached')
const hazelcastProgram = await requireHazelcast()

const nothing = { code: 0, found: [], says: {}, servers: {} }

describe.skipIf(redisProgram === undefined)('doctor, on Redis', () => {
  let redis: RedisServer
  const set = (name: string, value: string | number) => redis.command('CONFIG', 'SET', name, value)
  beforeAll(async () => {
    redis = await startRedis({ persistent: true })
  })
  afterAll(() => redis?.stop())

  test('finds nothing on a right setting, and tells how far away it is', async () => {
    expect(await findings(redis.url)).toEqual(nothing)
    const { output } = await cli('doctor', redis.url)
    expect(output).toMatch(/127\.0\.0\.1:\d+ +Redis [\d.]+, master +round trip [\d.]+ ms +this clock is \d+ ms/)
    expect(output).toMatch(/Nothing is wrong\.\n$/)
  })

  test('finds an eviction policy, what was evicted, and a memory that is full', async () => {
    onTestFinished(async () => {
      await set('maxmemory-policy', 'noeviction')
      await set('maxmemory', 0)
      await redis.command('FLUSHALL')
      await redis.command('CONFIG', 'RESETSTAT')
    })
    await set('maxmemory-policy', 'allkeys-lru')
    await set('maxmemory', 2_000_000)
    for (let n = 0; n < 20; n++) await redis.command('SET', `x${n}`, 'x'.repeat(100_000))
    const evicting = await findings(redis.url)
    expect([evicting.code, evicting.found]).toEqual([1, expect.arrayContaining(['advice EVICTED', 'wrong EVICTION'])])
    expect(evicting.says['EVICTION']).toMatch(/maxmemory-policy allkeys-lru: .*Set maxmemory-policy noeviction\.$/)
    expect(evicting.says['EVICTED']).toMatch(/thrown away \d+ keys since/)
    const { output } = await cli('doctor', redis.url)
    expect(output).toMatch(/^ {2}WRONG {4}The server .*\n {11}.*HOLDFAST_REDIS_EVICTION \(127\.0\.0\.1:\d+\)\n/ms)
    expect(output).toMatch(/things? (is|are) wrong\.\n$/)

    await set('maxmemory-policy', 'noeviction')
    await redis.command('CONFIG', 'RESETSTAT')
    await set('maxmemory', Number(await infoOf(redis, 'memory', 'used_memory')) + 20_000)
    const full = await findings(redis.url)
    expect([full.code, full.found]).toEqual([1, ['wrong FULL']])
    expect(full.says['FULL']).toMatch(/uses [\d.]+ MB of its maxmemory of [\d.]+ MB: .*Give it more memory\.$/)
  })

  test('finds a server that saves nothing, or only now and then', async () => {
    onTestFinished(async () => {
      await set('save', '')
      await set('appendonly', 'yes')
    })
    await set('appendonly', 'no')
    const none = await findings(redis.url)
    expect([none.code, none.found]).toEqual([1, ['wrong NOT_SAVED']])
    expect(none.says['NOT_SAVED']).toMatch(/appendonly no, save "".*Set appendonly yes/)
    await set('save', '3600 1')
    const rare = await findings(redis.url)
    expect([rare.code, rare.found]).toEqual([0, ['advice SNAPSHOTS']])
    await redis.command('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '+@all', '-config')
    const unasked = await findings(redis.url.replace('://', '://app:pw@'))
    expect([unasked.code, unasked.found]).toEqual([0, ['unknown SAVED']])
  })

  test.skipIf(process.platform !== 'linux')('finds a server that cannot save', async () => {
    const server = await startRedis({ args: ['--dir', '/sys'] })
    onTestFinished(() => server.stop())
    await server.command('BGSAVE')
    await until('it has failed', async () => (await infoOf(server, 'persistence', 'rdb_last_bgsave_status')) === 'err')
    const { found, says } = await findings(server.url)
    expect(found).toEqual(['wrong SAVE_FAILS'])
    expect(says['SAVE_FAILS']).toMatch(/cannot save \(rdb_last_bgsave_status: err\)/)
  })

  test('finds replicas without min-replicas-to-write, a replica in the place of the master, and one that nothing follows', async () => {
    const alone = await findings(`${redis.url}?durability=replicated`)
    expect(alone.found).toEqual(['wrong NO_REPLICAS'])
    expect(alone.says['NO_REPLICAS']).toMatch(/durability=replicated and the server has 0 replicas/)
    const replica = await startRedis({ replicaOf: redis, persistent: true })
    onTestFinished(() => replica.stop())
    await until('it follows', async () => String(await redis.command('INFO', 'replication')).includes('state=online'))
    const { code, found, says } = await findings(redis.url)
    expect([code, found]).toEqual([1, ['wrong MIN_REPLICAS']])
    expect(says['MIN_REPLICAS']).toMatch(/min-replicas-to-write 0: .*Set min-replicas-to-write 1 and/)
    const wrongOne = await findings(replica.url)
    expect(wrongOne.found).toEqual(['wrong REPLICA'])
    expect(wrongOne.says['REPLICA']).toContain(`is a replica of 127.0.0.1:${redis.port}`)
    await set('min-replicas-to-write', 1)
    expect(await findings(redis.url)).toEqual(nothing)
    await set('min-replicas-to-write', 0)
  })

  test('finds a clock that is off, and a server that is far away', async () => {
    const wrong = await withWrongClock(redis, 60)
    onTestFinished(() => wrong.close())
    const clock = await findings(wrong.url)
    expect([clock.code, clock.found]).toEqual([1, ['wrong CLOCK']])
    expect(clock.says['CLOCK']).toMatch(/is 60 s behind the one of the Redis server.*NTP/)
    const far = await faultProxy(redis)
    onTestFinished(() => far.close())
    far.delay(40)
    const { output } = await cli('doctor', `redis://${far.host}:${far.port}`)
    expect(output).toMatch(
      /(?:WRONG|ADVICE) +An answer of the server takes \d{2,3} ms from here\. .*HOLDFAST_ROUND_TRIP/s,
    )
  })

  test('says what it cannot ask, and ends with 2', async () => {
    for (const url of ['memory:', 'peer://10.0.0.1:7946?peers=10.0.0.2:7946']) {
      const { code, output } = await cli('doctor', url)
      expect([code, output]).toEqual([2, expect.stringMatching(/Give the address of the app instead: doctor https:/)])
    }
  })
})

describe.skipIf(redisProgram === undefined)('doctor, on Sentinel', () => {
  test('finds nothing on a right setting; a master without min-replicas; one that nobody follows', async () => {
    const guarded = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '2']
    const set = await startRedisSentinel({ args: ['--appendonly', 'yes', ...guarded] })
    onTestFinished(() => set.stop())
    expect(await findings(set.url)).toEqual(nothing)
    const master = await set.master()
    await master.command('CONFIG', 'SET', 'min-replicas-to-write', 0)
    const unguarded = await findings(set.url)
    expect([unguarded.code, unguarded.found]).toEqual([1, ['wrong MIN_REPLICAS']])
    expect(unguarded.servers['MIN_REPLICAS']).toEqual([`127.0.0.1:${master.port}`])
    await Promise.all(set.servers.filter((node) => node !== master).map((node) => node.kill()))
    await until('nobody follows', async () => String(await master.command('INFO')).includes('connected_slaves:0'))
    expect((await findings(set.url)).found).toEqual(['wrong NO_REPLICAS'])

    const [one, another] = set.sentinels
    await one?.command('SENTINEL', 'SET', set.name, 'down-after-milliseconds', 30_000)
    await another?.kill()
    const sentinels = await findings(set.url)
    expect(sentinels.found).toEqual(['advice DOWN_AFTER', 'wrong NO_REPLICAS', 'wrong SENTINEL_AWAY'])
    expect(sentinels.says['DOWN_AFTER']).toMatch(
      /down-after-milliseconds 30000: .*down-after-milliseconds holdfast 5000/,
    )
    expect([sentinels.servers['DOWN_AFTER'], sentinels.servers['SENTINEL_AWAY']]).toEqual([
      [`127.0.0.1:${one?.port}`],
      [`127.0.0.1:${another?.port}`],
    ])
  })
})

describe.skipIf(memcachedProgram === undefined)('doctor, on Memcached', () => {
  test('finds nothing on two servers as they come', async () => {
    const [one, another] = [await startMemcached(), await startMemcached()]
    onTestFinished(async () => void (await Promise.all([one.stop(), another.stop()])))
    const url = `memcached://${one.address},${another.address}`
    expect(await findings(url)).toEqual(nothing)
    vi.stubEnv('HOLDFAST_ENCRYPTION_KEYS', randomBytes(32).toString('base64url'))
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(await findings(url)).toEqual(nothing)
  })

  test('finds small items, evictions, a missing cas, and UDP, each on the server that has it', async () => {
    const small = await startMemcached(['-I', '64k', '-o', 'slab_chunk_max=32768', '-m', '2'])
    const odd = await startMemcached(['-C', '-U', String(await freePort())])
    onTestFinished(async () => void (await Promise.all([small.stop(), odd.stop()])))
    await small.fill('x', 20_000, 8_000_000, 60)
    await until('it has dropped some', async () => (await small.stat('evictions')) > 0)
    const { code, found, says, servers } = await findings(`memcached://${small.address},${odd.address}`)
    expect([code, found]).toEqual([1, ['wrong CAS', 'wrong EVICTIONS', 'wrong ITEM_SIZE', 'wrong UDP']])
    expect(servers).toEqual({
      CAS: [odd.address],
      UDP: [odd.address],
      EVICTIONS: [small.address],
      ITEM_SIZE: [small.address],
    })
    expect(says['EVICTIONS']).toMatch(/dropped \d+ items .* 2 MB \(-m\).*larger -m\.$/)
    expect(says['ITEM_SIZE']).toMatch(/at most 65536 bytes \(item_size_max\).*Start it with -I 1m\.$/)
    expect(says['CAS']).toMatch(/cas_enabled no .*Start it without -C\.$/)
    expect(says['UDP']).toMatch(/UDP port \d+.*Start it with -U 0\.$/)
  })
})

describe.skipIf(hazelcastProgram === undefined)('doctor, on Hazelcast', { timeout: 120_000 }, () => {
  test('finds nothing on three members as the docs configure them, and a map whose sessions live longer than it keeps them', async () => {
    const { url } = await sharedHazelcast()
    expect(await findings(url)).toEqual(nothing)
    const longer = await findings(url, '--absolute', '120')
    expect(longer.found).toEqual(['wrong LIFETIME'])
    expect(longer.says['LIFETIME']).toMatch(/forgets an entry 7776000 s .*time-to-live-seconds: 10368000/)
  })
})
