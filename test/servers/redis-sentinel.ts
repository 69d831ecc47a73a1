import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Address } from './fault-proxy.js'
import { followersOf, isReplicaOf, SENTINELS, startNode, type RedisNode, type RedisSetOptions } from './redis-node.js'
import { infoOf, RedisProcess, startOnFreePort } from './redis-process.js'
import { makeScratch } from './scratch.js'
import { until } from './until.js'

const NAME = 'holdfast'

/** One master, two replicas and three Sentinels, which take a master for down after a second. */
export interface RedisSentinel {
  readonly name: string
  readonly url: string
  readonly servers: readonly RedisNode[]
  readonly sentinels: readonly RedisProcess[]
  /** As most Sentinels that answer say. */
  master(): Promise<RedisNode>
  /** Resolves when all is as at the start, whoever is master: every replica linked, every Sentinel knows all. */
  settled(): Promise<void>
  stop(): Promise<void>
}

export async function startRedisSentinel(options: RedisSetOptions = {}): Promise<RedisSentinel> {
  const scratch = await makeScratch()
  const servers: RedisNode[] = []
  const sentinels: RedisProcess[] = []
  const stop = async (): Promise<void> => {
    await Promise.all([...servers.map((node) => node.stop()), ...sentinels.map((sentinel) => sentinel.kill())])
    await scratch.remove()
  }
  try {
    const master = await startNode(scratch.path, options, announce)
    servers.push(master)
    const { host, port } = master.address
    const follow = ['--replicaof', host, String(port)]
    for (let i = 0; i < 2; i++)
      servers.push(await startNode(scratch.path, options, (address) => [...announce(address), ...follow]))
    await until('both replicas are linked', () => isFollowed(master, servers))
    for (let i = 0; i < 3; i++) sentinels.push(await startSentinel(scratch.path, master.address))
    const set = new SentinelSet(servers, sentinels, stop)
    await set.settled()
    return set
  } catch (error) {
    await stop()
    throw error
  }
}

class SentinelSet implements RedisSentinel {
  readonly name = NAME

  constructor(
    readonly servers: readonly RedisNode[],
    readonly sentinels: readonly RedisProcess[],
    readonly stop: () => Promise<void>,
  ) {}

  get url(): string {
    return `redis+sentinel://${this.sentinels.map(({ host, port }) => `${host}:${port}`).join(',')}/${NAME}`
  }

  async master(): Promise<RedisNode> {
    const answers = await Promise.allSettled(this.sentinels.map(addressOfMaster))
    const ports = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
    const votes = (node: RedisNode): number => ports.filter((port) => port === node.address.port).length
    const [first] = [...this.servers].sort((a, b) => votes(b) - votes(a))
    if (!first || votes(first) === 0) throw new Error('No Sentinel knows a master.')
    return first
  }

  async settled(): Promise<void> {
    await until(
      'the Sentinels and servers are settled',
      async () => {
        const master = await this.master()
        const seen = `status=ok,address=${master.address.host}:${master.address.port},slaves=2,sentinels=3`
        const lines = await Promise.all(this.sentinels.map((sentinel) => infoOf(sentinel, 'sentinel', 'master0')))
        return lines.every((line) => line?.endsWith(seen)) && (await isFollowed(master, this.servers))
      },
      30_000,
    )
  }
}

const announce = ({ host, port }: Address): readonly string[] => [
  ...['--replica-announce-ip', host, '--replica-announce-port', String(port)],
]

async function isFollowed(master: RedisNode, servers: readonly RedisNode[]): Promise<boolean> {
  const others = servers.filter((node) => node !== master)
  const linked = await Promise.all(others.map((node) => isReplicaOf(node, master)))
  return linked.every(Boolean) && (await followersOf(master)) === others.length
}

/** The state of a Sentinel is its configuration file, which it rewrites. */
async function startSentinel(folder: string, master: Address): Promise<RedisProcess> {
  const sentinel = await startOnFreePort(async (port) => {
    const file = join(folder, `sentinel-${port}.conf`)
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `bind-source-addr ${SENTINELS}`,
      'sentinel announce-ip 127.0.0.1',
      `sentinel monitor ${NAME} ${master.host} ${master.port} 2`,
      `sentinel down-after-milliseconds ${NAME} 1000`,
      `sentinel failover-timeout ${NAME} 4000`,
    ]
    await writeFile(file, lines.join('\n') + '\n')
    return new RedisProcess({ port, folder, args: [file, '--sentinel'] })
  })
  // How often it looks for replicas and other Sentinels: 10 s and 2 s are long for tests.
  await sentinel.command('SENTINEL', 'DEBUG', 'info-period', 500, 'publish-period', 200)
  return sentinel
}

async function addressOfMaster(sentinel: RedisProcess): Promise<number> {
  const answer = (await sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)) as readonly string[]
  return Number(answer[1])
}
