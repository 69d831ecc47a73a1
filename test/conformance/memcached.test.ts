import { afterAll, beforeAll, describe, test } from 'vitest'
import { storeConformance } from '@holdfast/conformance'
import { memcachedStore } from '@holdfast/memcached'
import Memcached from 'memcached'
import { startMemcached, type MemcachedServer } from '../servers/memcached.js'
import { requireServer } from '../servers/require-server.js'

/** A busy machine answers within it, and the suite allows 1,500 ms where a server is silent. */
const DEADLINE_MS = 1_000

const program = await requireServer('memcached')

describe.skipIf(program === undefined)('memcached', () => {
  let server: MemcachedServer

  beforeAll(async () => {
    server = await startMemcached()
  })
  afterAll(() => server?.stop())

  const hang = async () => {
    await server.pause()
    return async () => server.resume()
  }
  const traits = { shared: true, maxRecordBytes: 1_000_000 }

  describe('a client of its own', () => {
    storeConformance({
      ...{ describe, test, hang, traits },
      createStore: ({ clock }) => memcachedStore({ server: server.address, clock, deadlineMs: DEADLINE_MS }),
    })
  })

  describe("the app's client", () => {
    let client: Memcached
    beforeAll(() => {
      client = new Memcached(server.address, { retries: 0, timeout: 200 })
    })
    afterAll(() => client.end())

    storeConformance({
      ...{ describe, test, hang, traits },
      createStore: ({ clock }) => memcachedStore({ client, clock, deadlineMs: DEADLINE_MS }),
    })
  })
})
