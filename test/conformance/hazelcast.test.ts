import { afterAll, beforeAll, describe, test } from 'vitest'
import { createKey, storeConformance } from '@holdfast/conformance'
import { hazelcast } from '@holdfast/hazelcast'
import { startHazelcast, type HazelcastCluster } from '../servers/hazelcast.js'
import { requireHazelcast } from '../servers/hazelcast-program.js'
import { until } from '../servers/until.js'

const program = await requireHazelcast()

describe.skipIf(program === undefined)('hazelcast', () => {
  let cluster: HazelcastCluster
  beforeAll(async () => {
    cluster = await startHazelcast()
  }, 150_000)
  afterAll(() => cluster?.stop())

  storeConformance({
    ...{ describe, test, traits: { shared: true, maxRecordBytes: 1_000_000 } },
    createStore: async ({ clock }) => {
      const store = await hazelcast.open(`${cluster.url}&deadline=1000`, { clock, idleMs: 1, absoluteMs: 1 })
      await until('the store answers', async () => (await store.read(createKey())) === undefined)
      return store
    },
    hang: async () => {
      await Promise.all(cluster.members.map((member) => member.pause()))
      return async () => {
        for (const member of cluster.members) member.resume()
        await cluster.settled()
      }
    },
  })
})
