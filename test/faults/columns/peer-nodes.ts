import { faultProxy, type FaultProxy, type Where } from '../../servers/fault-proxy.js'
import { freePort } from '../../servers/free-port.js'
import { until } from '../../servers/until.js'
import type { Victim } from '../column.js'
import { AppProcess, SECRET, type AppOptions } from '../fleet.js'
import type { NodeReport } from '../own-memory.js'
import type { SessionServer } from './session-server.js'

export const PEER_SECRET = 'a secret of the peers in the fault matrix'

const NODES = ['a', 'b', 'c']

/** The name of a node, and where it listens. */
export interface PeerAt {
  readonly self: string
  readonly listen: string
}

/** The way between two nodes. The second is looked for by the first. */
interface Way {
  readonly ends: readonly [number, number]
  readonly proxy: FaultProxy
}

/** Three app servers that keep sessions among themselves. */
export class PeerNodes {
  readonly nodes: readonly PeerAt[]
  readonly apps: readonly AppProcess[]
  readonly #ways: readonly Way[]

  private constructor(nodes: readonly PeerAt[], apps: readonly AppProcess[], ways: readonly Way[]) {
    this.nodes = nodes
    this.apps = apps
    this.#ways = ways
  }

  /** `proxied`: a fault proxy between each two; each node finds the others at addresses of its own. */
  static async start({ proxied, ...options }: { readonly proxied: boolean } & AppOptions): Promise<PeerNodes> {
    const ports = await Promise.all(NODES.map(() => freePort()))
    const names = ports.map((port, i) => (proxied ? `${NODES[i]}.test:${port}` : `127.0.0.1:${port}`))
    const nodes = await Promise.all(
      names.map(async (self) => ({ self, listen: proxied ? `127.0.0.1:${await freePort()}` : self })),
    )
    const ways = proxied ? await Promise.all(PAIRS.map((pair) => wayBetween(pair, ports, nodes))) : []
    const start = ({ self, listen }: PeerAt, i: number): Promise<AppProcess> => {
      const store = `peer://${self}?peers=${names.join(',')}&listen=${listen}`
      const env = { ...options.env, HOLDFAST_PEER_SECRET: PEER_SECRET, APP_HOSTS: JSON.stringify(hostsOf(i)) }
      return AppProcess.start({ secret: SECRET, store }, { ...options, env })
    }
    const all = new PeerNodes(nodes, await Promise.all(nodes.map(start)), ways)
    await all.settled()
    return all
  }

  /** All that goes to and from a node. */
  link(node: number): Victim['link'] {
    const ways = this.#ways.filter(({ ends }) => ends.includes(node))
    return {
      delay: (ms, where) => ways.forEach((way) => way.proxy.delay(ms, seenFrom(node, way, where))),
      drop: (where) => ways.forEach((way) => way.proxy.drop(seenFrom(node, way, where))),
      reset: () => ways.forEach(({ proxy }) => proxy.reset()),
      refuse: () => ways.forEach(({ proxy }) => proxy.refuse()),
      heal: async () => void (await Promise.all(ways.map(({ proxy }) => proxy.heal()))),
    }
  }

  between(one: number, other: number): FaultProxy {
    const way = this.#ways.find(({ ends }) => ends.includes(one) && ends.includes(other))
    if (!way) throw new Error(`There is no proxy between the nodes ${one} and ${other}.`)
    return way.proxy
  }

  /** Resolves when each has its share, every session has its copies, and whoever is first in rank may answer alone. */
  async settled(): Promise<void> {
    await Promise.all(this.#ways.map(({ proxy }) => proxy.heal()))
    await until('all nodes are settled', async () => {
      const reports = await Promise.all(this.apps.map(reportOf))
      return reports.every(({ status }) => status.isSettled && status.peers.every(({ hasLease }) => hasLease))
    })
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.apps.map((app) => app.kill()))
    await Promise.all(this.#ways.map(({ proxy }) => proxy.close()))
  }
}

export const reportOf = async (app: AppProcess): Promise<NodeReport> =>
  JSON.parse((await app.get('/node')).body) as NodeReport

/** What a node has in its own memory; one that is not there has nothing. */
export const ownMemoryOf = (app: AppProcess): SessionServer => ({
  async bytes(id) {
    const { status, body } = await app.get(`/held?id=${id}`)
    return status === 200 ? (JSON.parse(body) as { readonly bytes?: string }).bytes : undefined
  },
  async put(id, bytes) {
    await app.get(`/put?id=${id}&bytes=${encodeURIComponent(bytes)}`)
  },
  calls: async () => (await reportOf(app)).calls,
})

const PAIRS = [
  [0, 1],
  [0, 2],
  [1, 2],
] as const

async function wayBetween(ends: Way['ends'], ports: readonly number[], nodes: readonly PeerAt[]): Promise<Way> {
  const [from, to] = ends
  const [host = '', port] = (nodes[to] as PeerAt).listen.split(':')
  const at = { host: addressOf(from, to), port: ports[to] as number }
  return { ends, proxy: await faultProxy({ host, port: Number(port) }, at) }
}

/** Where a node finds another one. */
const addressOf = (from: number, to: number): string => `127.0.${100 + from}.${1 + to}`

const hostsOf = (from: number): Readonly<Record<string, string>> =>
  Object.fromEntries(NODES.map((name, to) => [`${name}.test`, addressOf(from, to)]))

/** The node is the server in what a fault says of directions. */
function seenFrom(node: number, { ends }: Way, { direction, ...where }: Where = {}): Where {
  if (direction === undefined) return where
  const isServer = ends[1] === node
  return { ...where, direction: isServer === (direction === 'toClient') ? 'toClient' : 'toServer' }
}
