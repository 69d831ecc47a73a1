import type { Column, Victim } from '../column.js'
import { ownMemoryOf, PeerNodes } from './peer-nodes.js'
import { sessionsIn, storedIn } from './session-server.js'

/** A balancer that asks each half second has noticed by then. */
const APP_LEAVE_MS = '1200'

/** Three app servers, each session on two of them. The second and the third are struck in turn. */
export const peer: Column = {
  name: 'peer',
  title: 'three app servers that keep the sessions themselves',
  family: 'peer',
  copies: 2,
  async start({ direct = false }) {
    const nodes = await PeerNodes.start({ proxied: !direct, env: { APP_LEAVE_MS } })
    let turn = 0
    return {
      options: { store: 'peer:' },
      nodes,
      victims: async () => [victimOf(nodes, 1 + (turn++ % 2))],
      settled: () => nodes.settled(),
      ...sessionsIn({ all: async () => nodes.apps.map(ownMemoryOf), copies: 2 }),
      stop: () => nodes.stop(),
    }
  },
}

function victimOf(nodes: PeerNodes, index: number): Victim {
  const app = nodes.apps[index] as PeerNodes['apps'][number]
  return {
    share: 'some',
    replicas: 2,
    saves: false,
    hasBackup: true,
    isWatched: true,
    app,
    link: nodes.link(index),
    kill: () => app.kill(),
    async restart() {
      await app.kill()
      await app.restart()
    },
    pause: () => app.pause(),
    resume: () => app.resume(),
    stored: async (id) => storedIn(await ownMemoryOf(app).bytes(id)),
  }
}
