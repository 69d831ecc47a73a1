import { randomUUID } from 'node:crypto'
import { hazelcastStore } from '@holdfast/hazelcast'
import { Client } from 'hazelcast-client'
import { sharedHazelcast } from '../servers/hazelcast-shared.js'
import { CLIENTS } from './redis-stores.js'
import type { SharedStore, StoreUnderTest } from './stores.js'

let clients: readonly Client[] = []

/** Three members, which the test files share. */
export const hazelcastCluster: StoreUnderTest = {
  name: 'hazelcast',
  pace: 'ms',
  reportsChanges: true,
  async start() {
    const { clusterName, addresses } = await sharedHazelcast()
    clients = await Promise.all(Array.from({ length: CLIENTS }, () => connectHazelcast(clusterName, addresses)))
  },
  async stop() {
    await Promise.all(clients.map((client) => client.shutdown()))
  },
  open: async (clock) => onClients(clock),
}

/** As the handbook says for clients that are passed to `hazelcastStore`. */
export const connectHazelcast = (clusterName: string, addresses: readonly string[]): Promise<Client> =>
  Client.newHazelcastClient({
    clusterName,
    network: { clusterMembers: [...addresses] },
    properties: {
      'hazelcast.client.autopipelining.enabled': false,
      'hazelcast.client.operation.fail.on.indeterminate.state': true,
      'hazelcast.logging.level': 'OFF',
    },
  })

/** Each test has a map of its own, and each app server a connection of its own. */
function onClients(clock: () => number): SharedStore {
  const map = `sessions-${randomUUID()}`
  let next = 0
  return {
    connect() {
      const client = clients[next++]
      if (!client) throw new Error(`There are clients for ${clients.length} app servers.`)
      return hazelcastStore({ client, map, clock })
    },
    async close() {
      await (await clients[0]?.getMap(map))?.destroy()
    },
  }
}
