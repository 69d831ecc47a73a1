import type { Address } from './fault-proxy.js'
import { freePort } from './free-port.js'
import { followersOf, isReplicaOf, startNode, type RedisNode, type RedisSetOptions } from './redis-node.js'
import { makeScratch } from './scratch.js'
import { until } from './until.js'

const SLOTS = 16_384
const MASTERS = 3

/** Three masters with a replica each, which take a node for down after a second. */
export interface RedisCluster {
  readonly url: string
  readonly nodes: readonly RedisNode[]
  /** The node that owns the slot of this Redis key (with its prefix), as a node that answers says. */
  masterOf(key: string): Promise<RedisNode>
  /** The replica of that node. */
  replicaOf(key: string): Promise<RedisNode>
  /** Resolves when all is as at the start, whoever is master: every slot served, every replica linked, all nodes agree. */
  settled(): Promise<void>
  stop(): Promise<void>
}

export async function startRedisCluster(options: RedisSetOptions = {}): Promise<RedisCluster> {
  const scratch = await makeScratch()
  const nodes: RedisNode[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()))
    await scratch.remove()
  }
  try {
    const buses: number[] = []
    for (let i = 0; i < 2 * MASTERS; i++) {
      const bus = await freePort()
      nodes.push(await startNode(scratch.path, options, (address) => clusterArgs(address, bus)))
      buses.push(bus)
    }
    await join(nodes, buses)
    const cluster = new ClusterSet(nodes, stop)
    await cluster.settled()
    return cluster
  } catch (error) {
    await stop()
    throw error
  }
}

class ClusterSet implements RedisCluster {
  constructor(
    readonly nodes: readonly RedisNode[],
    readonly stop: () => Promise<void>,
  ) {}

  get url(): string {
    return `redis+cluster://${this.nodes.map(({ address }) => `${address.host}:${address.port}`).join(',')}`
  }

  async masterOf(key: string): Promise<RedisNode> {
    const { view, owner } = await this.#ownerOf(key)
    return this.#node(view, owner)
  }

  async replicaOf(key: string): Promise<RedisNode> {
    const { view, owner } = await this.#ownerOf(key)
    return this.#node(
      view,
      view.find(({ master }) => master === owner?.id),
    )
  }

  async settled(): Promise<void> {
    await until('the cluster is settled', () => this.#isSettled(), 30_000)
  }

  async #ownerOf(key: string): Promise<{ view: View; owner: Member | undefined }> {
    const [slot, view] = await Promise.any(
      this.nodes.map(
        async (node) => [Number(await node.command('CLUSTER', 'KEYSLOT', key)), await viewOf(node)] as const,
      ),
    )
    return { view, owner: view.find(({ slots }) => slots.some(([first, last]) => first <= slot && slot <= last)) }
  }

  #node(view: View, member: Member | undefined): RedisNode {
    const node = this.nodes.find(({ address }) => address.port === member?.port)
    if (!node) throw new Error(`No node of ${JSON.stringify(view)} is that.`)
    return node
  }

  async #isSettled(): Promise<boolean> {
    const views = await Promise.all(this.nodes.map(viewOf))
    const states = await Promise.all(this.nodes.map((node) => node.command('CLUSTER', 'INFO')))
    const [view] = views
    if (!view || !states.every((state) => /cluster_state:ok/.test(String(state)))) return false
    if (!views.every((other) => isWhole(other) && ownersIn(other) === ownersIn(view))) return false
    const replicas = view.filter(({ master }) => master !== undefined)
    const linked = replicas.map(async (replica) => {
      const master = view.find(({ id }) => id === replica.master)
      return isReplicaOf(this.#node(view, replica), this.#node(view, master))
    })
    return (await Promise.all(linked)).every(Boolean) && (await this.#areFollowed(view))
  }

  async #areFollowed(view: View): Promise<boolean> {
    const masters = view.filter(({ master }) => master === undefined).map((member) => this.#node(view, member))
    const counts = await Promise.all(masters.map(followersOf))
    return counts.every((count) => count === 1)
  }
}

const clusterArgs = ({ host, port }: Address, bus: number): readonly string[] => [
  ...['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', '--cluster-port', String(bus)],
  ...[
    '--cluster-announce-ip',
    host,
    '--cluster-announce-port',
    String(port),
    '--cluster-announce-bus-port',
    String(bus),
  ],
  // Each master keeps its one replica.
  ...['--cluster-allow-replica-migration', 'no'],
]

/** The first three nodes share the slots, the others replicate one each. */
async function join(nodes: readonly RedisNode[], buses: readonly number[]): Promise<void> {
  const [first, ...others] = nodes as [RedisNode, ...RedisNode[]]
  const bounds = Array.from({ length: MASTERS + 1 }, (_, i) => Math.floor((SLOTS * i) / MASTERS))
  await Promise.all(nodes.map((node, i) => node.command('CLUSTER', 'SET-CONFIG-EPOCH', i + 1)))
  await Promise.all(
    nodes
      .slice(0, MASTERS)
      .map((node, i) => node.command('CLUSTER', 'ADDSLOTSRANGE', bounds[i] as number, (bounds[i + 1] as number) - 1)),
  )
  for (const [i, { address }] of others.entries())
    await first.command('CLUSTER', 'MEET', address.host, address.port, buses[i + 1] as number)
  await until('all nodes know each other', async () => (await Promise.all(nodes.map(viewOf))).every(knowsAll))
  const ids = await Promise.all(nodes.map((node) => node.command('CLUSTER', 'MYID')))
  await Promise.all(nodes.slice(MASTERS).map((node, i) => node.command('CLUSTER', 'REPLICATE', String(ids[i]))))
}

/** One node, as another one sees it. */
interface Member {
  readonly id: string
  readonly port: number
  readonly flags: string
  /** The id of its master, where it is a replica. */
  readonly master: string | undefined
  readonly slots: readonly (readonly [first: number, last: number])[]
}
type View = readonly Member[]

/** CLUSTER NODES: `id ip:port@bus flags master ping pong epoch link slot slot-slot …` */
async function viewOf(node: RedisNode): Promise<View> {
  const lines = String(await node.command('CLUSTER', 'NODES'))
    .trim()
    .split('\n')
  return lines.map((line) => {
    const [id = '', address = '', flags = '', master = '-', , , , , ...slots] = line.split(' ')
    return {
      id,
      port: Number(/:(\d+)@/.exec(address)?.[1]),
      flags,
      master: master === '-' ? undefined : master,
      slots: slots
        .map((slot) => slot.split('-').map(Number))
        .map(([first = -1, last = first]) => [first, last] as const),
    }
  })
}

const knowsAll = (view: View): boolean =>
  view.length === 2 * MASTERS && view.every(({ flags }) => !/fail|handshake|noaddr/.test(flags))

const isWhole = (view: View): boolean =>
  knowsAll(view) && view.filter(({ master }) => master !== undefined).length === MASTERS

const ownersIn = (view: View): string =>
  view
    .map(({ id, master, slots }) => `${id} ${master} ${slots.join(' ')}`)
    .sort()
    .join('\n')
