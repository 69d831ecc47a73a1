import { inspect } from 'node:util'
import type { SessionRecord, SessionStore } from '@holdfast/core'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { RedisNode } from '../servers/redis-node.js'
import { infoOf } from '../servers/redis-process.js'
import { startRedisCluster, type RedisCluster } from '../servers/redis-cluster.js'
import { startRedisSentinel, type RedisSentinel } from '../servers/redis-sentinel.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import { ended, newKey, newRecord, newTombstone, opened, successor } from './opened.js'

const program = await requireServer('redis-server')
/** A call may take 250 ms; the rest is for a busy machine. */
const DEADLINE_AND_SLACK_MS = 2_500

/** Writes to one session again and again, as fast as answers come, until it is stopped. */
async function writing(store: SessionStore, key: string) {
  let isOver = false
  let worstMs = 0
  let last: unknown
  let acknowledged: SessionRecord = newRecord()
  await until('the session is created', async () => (await store.write(key, acknowledged, 'absent')).written)
  const run = async (): Promise<void> => {
    while (!isOver) {
      const next = successor(acknowledged)
      const { value, error, ms } = await ended(store.write(key, next, { replaces: acknowledged }))
      worstMs = Math.max(worstMs, ms)
      last = error ?? value
      if (value?.written) acknowledged = next
      // A write of unknown outcome may stand there.
      else if (value?.current) acknowledged = value.current
      else await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  const done = run()
  return {
    get revision() {
      return acknowledged.revision
    },
    /** An error, which says how the last write ended, until so many more were acknowledged. */
    goesOn(from: number): boolean {
      if (acknowledged.revision > from + 20) return true
      throw new Error(`The last write ended with ${inspect(last)}`)
    },
    stop: async () => {
      isOver = true
      await done
      return { acknowledged, worstMs }
    },
  }
}

/** Harms the master, waits until writes go on at another one, and sees that nothing acknowledged is lost. */
async function survives(
  store: SessionStore,
  key: string,
  harm: () => Promise<void> | void,
  moved: () => Promise<boolean>,
) {
  const writer = await writing(store, key)
  await until('it is under way', () => writer.revision > 20)
  await harm()
  await until('there is another master', moved)
  const before = writer.revision
  await until('writes go on', () => writer.goesOn(before))
  const { acknowledged, worstMs } = await writer.stop()
  expect(worstMs).toBeLessThan(DEADLINE_AND_SLACK_MS)
  await until('it is read', async () => ((await store.read(key))?.revision ?? 0) >= acknowledged.revision)
}

describe.skipIf(program === undefined)('another master', { timeout: 60_000 }, () => {
  describe('named by Sentinel', () => {
    let sentinel: RedisSentinel
    beforeAll(async () => {
      sentinel = await startRedisSentinel()
    })
    afterAll(() => sentinel?.stop())
    beforeEach(() => sentinel.settled())

    const isOther = (old: RedisNode) => async () => (await sentinel.master()).port !== old.port

    it('is found when the old one is killed', async () => {
      const master = await sentinel.master()
      onTestFinished(() => master.start())
      await survives(opened(sentinel), newKey(), () => master.kill(), isOther(master))
    })

    it('is found when the old one is frozen, where its kernel goes on taking connections', async () => {
      const master = await sentinel.master()
      onTestFinished(() => master.resume())
      await survives(opened(sentinel), newKey(), () => master.pause(), isOther(master))
    })

    it('is found when the failover is ordered', async () => {
      const master = await sentinel.master()
      // Sentinel may not have seen yet which replica is good.
      const order = async (): Promise<boolean> => {
        if (await isOther(master)()) return true
        await sentinel.sentinels[0]?.command('SENTINEL', 'FAILOVER', sentinel.name)
        return false
      }
      await survives(opened(sentinel), newKey(), () => {}, order)
    })

    it('is found while a Sentinel is frozen', async () => {
      const master = await sentinel.master()
      const store = opened(sentinel)
      await until('it is connected', async () => (await store.read(newKey())) === undefined)
      onTestFinished(async () => {
        sentinel.sentinels[0]?.resume()
        await master.start()
      })
      sentinel.sentinels[0]?.pause()
      await survives(store, newKey(), () => master.kill(), isOther(master))
      const late = opened(sentinel)
      await until('a new store finds it too', async () => (await late.read(newKey())) === undefined)
    })
  })

  describe('of a Cluster', () => {
    let cluster: RedisCluster
    beforeAll(async () => {
      // Else all slots are out until a replica has taken over those of the master that failed.
      cluster = await startRedisCluster({ args: ['--cluster-require-full-coverage', 'no'] })
    })
    afterAll(() => cluster?.stop())
    beforeEach(() => cluster.settled())

    /** Keys of two masters. */
    async function apart(): Promise<{ key: string; master: RedisNode; elsewhere: string }> {
      const key = newKey()
      const master = await cluster.masterOf(`sess:${key}`)
      for (;;) {
        const elsewhere = newKey()
        if ((await cluster.masterOf(`sess:${elsewhere}`)).port !== master.port) return { key, master, elsewhere }
      }
    }

    const offsetOf = async (node: RedisNode, name: string): Promise<number> =>
      Number(await infoOf(node, 'replication', name))

    const isOther = (old: RedisNode, key: string) => async () =>
      (await cluster.masterOf(`sess:${key}`)).port !== old.port

    it.each(['killed', 'frozen'])(
      'is found when the old one is %s; sessions at the others go on meanwhile',
      async (how) => {
        const { key, master, elsewhere } = await apart()
        const store = opened(cluster, 'deadline=1000')
        const other = await writing(store, elsewhere)
        const failures: unknown[] = []
        let read = 0
        let isOver = false
        const reading = (async () => {
          while (!isOver) {
            const { error } = await ended(store.read(elsewhere))
            if (error === undefined) read += 1
            else failures.push(error)
            await new Promise((resolve) => setTimeout(resolve, 2))
          }
        })()
        onTestFinished(() => (how === 'killed' ? master.start() : master.resume()))
        const replica = await cluster.replicaOf(`sess:${key}`)
        const harm = async (): Promise<void> => {
          // What has not reached it is lost: a replica that has just linked may be sent nothing for a second.
          const written = await offsetOf(master, 'master_repl_offset')
          await until('its replica has that', async () => (await offsetOf(replica, 'slave_repl_offset')) >= written)
          await (how === 'killed' ? master.kill() : master.pause())
        }
        await survives(store, key, harm, isOther(master, key))
        isOver = true
        await reading
        const { worstMs } = await other.stop()
        expect(worstMs).toBeLessThan(DEADLINE_AND_SLACK_MS)
        expect(read).toBeGreaterThan(50)
        expect(failures).toEqual([])
      },
    )

    it('is found when the failover is ordered', async () => {
      const key = newKey()
      const [master, replica] = [await cluster.masterOf(`sess:${key}`), await cluster.replicaOf(`sess:${key}`)]
      const order = async (): Promise<void> => {
        await replica.command('CLUSTER', 'FAILOVER')
      }
      await survives(opened(cluster), key, order, isOther(master, key))
    })

    it.each(['replicated', 'replicated-all'])(
      "is written to with durability '%s', once it has a replica",
      async (durability) => {
        const { key, master } = await apart()
        const store = opened(cluster, `durability=${durability}`)
        const replaced = async (): Promise<boolean> => {
          if (!(await isOther(master, key)())) return false
          // Alone it acknowledges nothing.
          await master.start()
          return true
        }
        await survives(store, key, () => master.kill(), replaced)
        const stands = async (): Promise<boolean> => {
          const { value } = await ended(store.write(key, newTombstone(), 'newer'))
          return value !== undefined
        }
        await until('the session is destroyed', stands)
        expect((await store.read(key))?.data).toBeNull()
      },
    )
  })
})
