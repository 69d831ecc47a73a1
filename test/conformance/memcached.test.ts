import { afterAll, beforeAll, describe, test } from 'vitest'
import { storeConformance } from '@holdfast/conformance'
import { memcachedStore } from '@holdfast/memcached'
import Memcached from 'memcached'
import { startMemcached, type MemcachedServer } from '../servers/memcached.js'
import { requireServer } from '../servers/require-server.js'

const program = await requireServer('memcached')

describe.skipIf(program === undefined)('memcached', () => {
  let server: MemcachedServer

  beforeAll(async () => {
    server = await startMemcached()
  })
  afterAll(() => server?.stop())

  const hang = async () => {
    server.pause()
    return async () => server.resume()
  }
  const traits = { shared: true, maxRecordBytes: 1_000_000 }

  describe('a client of its own', () => {
    storeConformance({
      ...{ describe, test, hang, traits },
      createStore: ({ clock }) => memcachedStore({ server: server.address, clock }),
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
      createStore: ({ clock }) => memcachedStore({ client, clock }),
    })
  })
})
