import { Client, type IMap } from 'hazelcast-client'
import type { HazelcastMember } from '../../servers/hazelcast-member.js'
import { startHazelcast, type HazelcastCluster } from '../../servers/hazelcast.js'
import type { Column, Victim } from '../column.js'
import { sessionsIn, storedIn, type SessionServer } from './session-server.js'

/** Three members: each session is on one and, as a backup, on another. They are struck in turn. */
export const hazelcast: Column = {
  name: 'hazelcast',
  title: 'three Hazelcast members',
  family: 'hazelcast',
  async start({ direct = false }) {
    const cluster = await startHazelcast({ proxied: !direct })
    const client = await ownClient(cluster)
    const grid = gridOf(await client.getMap('sessions'))
    let turn = 0
    return {
      options: { store: cluster.url },
      victims: async () => [victimOf(cluster, cluster.members[turn++ % 3] as HazelcastMember, grid)],
      whole: {
        kill: async () => void (await Promise.all(cluster.members.map((member) => member.kill()))),
        restart: () => cluster.settled(),
      },
      async settled() {
        await cluster.settled()
        if (!direct) await Promise.all(cluster.members.map(({ link }) => link.heal()))
      },
      ...sessionsIn({ all: async () => [grid] }),
      async stop() {
        await client.shutdown()
        await cluster.stop()
      },
    }
  },
}

function victimOf(cluster: HazelcastCluster, member: HazelcastMember, grid: SessionServer): Victim {
  return {
    share: 'some',
    replicas: 1,
    saves: false,
    hasBackup: true,
    isWatched: false,
    get link() {
      return member.link
    },
    kill: () => member.kill(),
    /** It has its share again, then. */
    async restart() {
      await member.kill()
      await cluster.settled()
    },
    pause: () => member.pause(),
    resume: () => member.resume(),
    stored: async (id) => storedIn(await grid.bytes(id)),
  }
}

/** It keeps to one member, which asks the others: so it goes past the proxies. */
const ownClient = ({ clusterName, members }: HazelcastCluster): Promise<Client> =>
  Client.newHazelcastClient({
    clusterName,
    network: { clusterMembers: members.map(({ directAddress }) => directAddress), smartRouting: false },
    properties: { 'hazelcast.logging.level': 'OFF' },
  })

const gridOf = (map: IMap<string, string>): SessionServer => ({
  bytes: async (id) => (await map.get(id)) ?? undefined,
  put: async (id, bytes) => void (await map.set(id, bytes)),
  /** As the entries count them: what was asked of a session that is not there is in neither number. */
  async calls() {
    const views = await Promise.all((await map.keySet()).map((key) => map.getEntryView(key)))
    const sum = (count: (view: (typeof views)[number]) => number): number =>
      views.reduce((all, view) => all + (view ? count(view) : 0), 0)
    return { reads: sum(({ hits }) => Number(hits)), writes: sum(({ version }) => Number(version) + 1) }
  },
})
