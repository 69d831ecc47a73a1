import type { PeerStore } from '@holdfast/peer'
import { peerStore } from '@holdfast/peer'
import { freePort } from '../servers/free-port.js'
import { until } from '../servers/until.js'

export const PEER_SECRET = 'a secret of thirty-two bytes or more for peers'

export interface Cluster {
  readonly names: readonly string[]
  readonly nodes: readonly PeerStore[]
  stop(): Promise<void>
}

/** Nodes in this process, over real connections; resolves when each has all of its share and gives leases. */
export async function startCluster(count = 3, clock: () => number = Date.now): Promise<Cluster> {
  const names = await Promise.all(Array.from({ length: count }, async () => `127.0.0.1:${await freePort()}`))
  const nodes = names.map((self) => peerStore({ self, peers: names, secret: PEER_SECRET, clock }))
  const stop = async (): Promise<void> => void (await Promise.all(nodes.map((node) => node.close())))
  try {
    await until('all nodes are full', async () => (await Promise.all(nodes.map(isWhole))).every(Boolean))
  } catch (error) {
    await stop()
    throw error
  }
  return { names, nodes, stop }
}

const isWhole = async (node: PeerStore): Promise<boolean> => {
  const { isSettled, peers } = await node.status()
  return isSettled && peers.every(({ hasLease }) => hasLease)
}
