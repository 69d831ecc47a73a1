import { setTimeout as sleep } from 'node:timers/promises'
import { startHazelcast } from '../servers/hazelcast.js'
import type { HazelcastMember } from '../servers/hazelcast-member.js'
import type { Scene } from './soak.js'

/** A member is away for so long. */
const AWAY_MS = 15_000

/** Two apps, whose Hazelcast loses one of its three members each minute and gets it back 15 s later. */
export async function hazelcastScene(): Promise<Scene> {
  const cluster = await startHazelcast()
  return {
    apps: 2,
    settings: { store: cluster.url },
    async minute(load, minute) {
      const member = cluster.members[minute % cluster.members.length] as HazelcastMember
      await member.kill()
      await sleep(AWAY_MS)
      await load.allServed()
      await cluster.settled()
      await load.allServed()
    },
    stop: () => cluster.stop(),
  }
}
