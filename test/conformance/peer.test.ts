import { storeConformance } from '@holdfast/conformance'
import { StoreUnavailableError, type SessionStore } from '@holdfast/core'
import { afterAll, beforeAll, describe, vi } from 'vitest'
import { RECORD_BYTES } from '../../packages/peer/src/limits.js'
import { startCluster, type Cluster } from '../peer/cluster.js'
import { calmTest } from './calm-test.js'

// A thousand random sequences run in memory; over connections fewer.
const RUNS = process.env['HOLDFAST_RUNS'] ?? '200'

let cluster: Cluster
let clock: () => number = Date.now
let opened = 0
beforeAll(async () => {
  cluster = await startCluster(3, () => clock())
})
afterAll(() => cluster.stop())

/** One of the nodes, in turn: each is a process that goes on when a test is over. */
function nextNode(): SessionStore {
  const node = cluster.nodes[opened++ % cluster.nodes.length] as SessionStore
  let isClosed = false
  const call = async <T>(run: () => Promise<T>): Promise<T> => {
    if (isClosed) throw new StoreUnavailableError('peer: the store is closed.', { refused: true })
    return run()
  }
  return {
    name: node.name,
    guarded: true,
    read: (...args) => call(() => node.read(...args)),
    write: (...args) => call(() => node.write(...args)),
    touch: (...args) => call(() => node.touch(...args)),
    close: async () => void (isClosed = true),
  }
}

describe('three peers', () => {
  vi.stubEnv('HOLDFAST_RUNS', RUNS)
  storeConformance({
    describe,
    test: calmTest,
    createStore: (context) => {
      clock = context.clock
      return nextNode()
    },
    traits: { shared: true, maxRecordBytes: RECORD_BYTES },
  })
  vi.unstubAllEnvs()
})
