import { faultProxy } from './fault-proxy.js'
import { freePort } from './free-port.js'
import { HazelcastMember, type LinkedPorts } from './hazelcast-member.js'
import { requireHazelcast } from './hazelcast-program.js'
import { makeScratch } from './scratch.js'
import { until } from './until.js'

const START_MS = 120_000

/** Members on this machine, with the configuration that the docs recommend. */
export interface HazelcastCluster {
  readonly url: string
  readonly clusterName: string
  readonly members: readonly HazelcastMember[]
  /** Resolves when all members are there, see each other and have their share, backups too. */
  settled(): Promise<void>
  stop(): Promise<void>
}

export interface HazelcastOptions {
  /** Default 3. */
  readonly members?: number
  /** Makes another configuration of the recommended one. */
  readonly configure?: (yaml: string) => string
  /** Clients reach each member through a fault proxy, and are told of no other way; members reach each other without it. */
  readonly proxied?: boolean
}

/** `requireHazelcast()` says whether this machine can. Takes about 10 s. */
export async function startHazelcast({
  members: count = 3,
  configure,
  proxied = false,
}: HazelcastOptions = {}): Promise<HazelcastCluster> {
  const program = await requireHazelcast()
  if (!program) throw new Error('Hazelcast is missing; ask requireHazelcast before this is called.')
  const scratch = await makeScratch()
  const ports: number[] = []
  while (ports.length < count) ports.push(await freePort())
  const links = proxied ? await Promise.all(ports.map(linkedPorts)) : []
  const members = ports.map(
    (port, i) => new HazelcastMember({ program, folder: scratch.path, port, ports, configure, linked: links[i] }),
  )
  const stop = async (): Promise<void> => {
    await Promise.all([...members.map((member) => member.kill()), ...links.map(({ link }) => link.close())])
    await scratch.remove()
  }
  const isSettled = async (): Promise<boolean> => {
    for (const member of members) if (!member.isRunning) await member.start()
    return (await Promise.all(members.map((member) => member.health()))).every((size) => size === count)
  }
  const settled = (): Promise<void> => until('the cluster is settled', isSettled, START_MS)
  try {
    await settled()
  } catch (error) {
    const said = members.map((member) => member.output()).join('\n')
    await stop()
    throw new Error(`${String(error)}\n${said}`, { cause: error })
  }
  const url = `hazelcast://${members.map(({ address }) => address).join(',')}/sessions?cluster=sessions`
  return { url, clusterName: 'sessions', members, settled, stop }
}

async function linkedPorts(): Promise<LinkedPorts> {
  const [clients, health] = [await freePort(), await freePort()]
  return { link: await faultProxy({ host: '127.0.0.1', port: clients }), clients, health }
}
