import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { hazelcastConfig } from './hazelcast-config.js'
import type { ServerKind } from './store-config.js'

/** What the keeper of a session server is told. */
export interface ServerOrder {
  readonly kind: ServerKind
  /** The path of the program. */
  readonly program: string
  /** What Java runs. */
  readonly jar: string | undefined
  readonly port: number
  /** The ports of all servers, this one's too. */
  readonly ports: readonly number[]
  /** How many servers, with this one, run: so many members see each other once it is ready. */
  readonly running: number
}

interface ServerCommand {
  readonly args: readonly string[]
  /** `log`: what it has printed so far. */
  readonly isReady: (log: string) => boolean | Promise<boolean>
}

/** How a server is started that has `folder` to itself, and how one knows that it is of use. */
export function commandFor(order: ServerOrder, folder: string): ServerCommand {
  const { kind, port } = order
  switch (kind) {
    case 'Redis':
      return { args: redisArgs(port, folder), isReady: (log) => log.includes('Ready to accept connections') }
    case 'Memcached':
      return { args: memcachedArgs(port), isReady: () => takesConnections(port) }
    case 'Hazelcast':
      return { args: hazelcastArgs(order, folder), isReady: () => seesOthers(order) }
  }
}

const redisArgs = (port: number, folder: string): readonly string[] => [
  ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder],
  ...['--save', '', '--appendonly', 'no', '--maxmemory', '64mb', '--maxmemory-policy', 'noeviction'],
]

/** It refuses to run as root. */
const memcachedArgs = (port: number): readonly string[] => [
  ...['-p', `${port}`, '-l', '127.0.0.1', '-m', '64'],
  ...(process.getuid?.() === 0 ? ['-u', 'nobody'] : []),
]

function hazelcastArgs({ jar = '', port, ports }: ServerOrder, folder: string): readonly string[] {
  const config = join(folder, 'hazelcast.yaml')
  writeFileSync(config, hazelcastConfig(port, ports))
  return [
    ...['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
    ...['-Dhazelcast.logging.type=none', `-Dhazelcast.config=${config}`],
    ...['-cp', jar, 'com.hazelcast.core.server.HazelcastMemberStarter'],
  ]
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** And each entry has its backup: the next one may be killed. */
async function seesOthers({ port, running }: ServerOrder): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/hazelcast/health`).catch(() => undefined)
  if (!answer?.ok) return false
  const { clusterSafe, migrationQueueSize, clusterSize } = (await answer.json()) as Health
  return clusterSafe && migrationQueueSize === 0 && clusterSize >= running
}

interface Health {
  readonly clusterSafe: boolean
  readonly migrationQueueSize: number
  readonly clusterSize: number
}
