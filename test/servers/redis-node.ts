import { faultProxy, type Address, type FaultProxy } from './fault-proxy.js'
import { infoOf, RedisProcess, startOnFreePort } from './redis-process.js'
import { basicArgs } from './redis.js'

/** From where servers of a set connect, so that a fault can strike only them: `drop({ from: REPLICAS })`. */
export const REPLICAS = '127.0.0.2'
export const SENTINELS = '127.0.0.3'

export interface RedisSetOptions {
  /** More arguments of each `redis-server` that keeps data. */
  readonly args?: readonly string[]
  /** The set knows each node by a fault proxy before it: clients, replicas and Sentinels come through that. */
  readonly proxied?: boolean
}

/** One of several servers that keep data. */
export class RedisNode extends RedisProcess {
  readonly #proxy: FaultProxy | undefined

  constructor(port: number, folder: string, args: readonly string[], proxy: FaultProxy | undefined) {
    super({ port, folder, args })
    this.#proxy = proxy
  }

  /** Where the set and its clients find it. */
  get address(): Address {
    return this.#proxy ?? { host: this.host, port: this.port }
  }

  get proxy(): FaultProxy {
    if (!this.#proxy) throw new Error('There is no proxy: start the set with `proxied: true`.')
    return this.#proxy
  }

  async stop(): Promise<void> {
    await Promise.all([this.kill(), this.#proxy?.close()])
  }
}

/** Starts a node. `announce` gives the arguments that tell the set its address. */
export function startNode(
  folder: string,
  { args = [], proxied = false }: RedisSetOptions,
  announce: (address: Address) => readonly string[] | Promise<readonly string[]>,
): Promise<RedisNode> {
  return startOnFreePort(async (port) => {
    const own = { host: '127.0.0.1', port }
    const proxy = proxied ? await faultProxy(own) : undefined
    const fixed = [...basicArgs(port), '--bind-source-addr', REPLICAS]
    return new RedisNode(port, folder, [...fixed, ...(await announce(proxy ?? own)), ...args], proxy)
  })
}

/** True when `replica` has the link to `master` and all that came through it until now. */
export async function isReplicaOf(replica: RedisNode, master: RedisNode): Promise<boolean> {
  const [link, port] = await Promise.all(
    ['master_link_status', 'master_port'].map((name) => infoOf(replica, 'replication', name)),
  )
  return link === 'up' && Number(port) === master.address.port
}

/** How many replicas are sent what this node takes: one that has just linked is sent nothing until it acknowledges that. */
export async function followersOf(node: RedisNode): Promise<number> {
  const lines = String(await node.command('INFO', 'replication'))
  return lines.match(/^slave\d+:.*state=online,offset=[1-9]/gm)?.length ?? 0
}
