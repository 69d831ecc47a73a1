import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startCommand, type Child } from '../process.js'
import type { FaultProxy } from './fault-proxy.js'
import { freeze } from './freeze.js'
import type { HazelcastProgram } from './hazelcast-program.js'

export interface MemberOptions {
  readonly program: HazelcastProgram
  readonly folder: string
  readonly port: number
  /** Those of all members. */
  readonly ports: readonly number[]
  /** Makes another configuration of the recommended one. */
  readonly configure?: ((yaml: string) => string) | undefined
  readonly linked?: LinkedPorts | undefined
}

/** Where a member that clients reach through a proxy has what else it offers. */
export interface LinkedPorts {
  readonly link: FaultProxy
  readonly clients: number
  readonly health: number
}

/** The configuration that the docs recommend, which these members run with. */
const RECOMMENDED = new URL('../../docs/snippets/hazelcast.yaml', import.meta.url)
/** For three members on one small machine. */
const JAVA = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
const PROPERTIES = {
  'hazelcast.partition.count': 71,
  'hazelcast.wait.seconds.before.join': 0,
  'hazelcast.local.localAddress': '127.0.0.1',
}
const REST = {
  'hz.network.rest-api.enabled': true,
  'hz.network.rest-api.endpoint-groups.HEALTH_CHECK.enabled': true,
}

/** One member of a cluster, a process of its own on 127.0.0.1. */
export class HazelcastMember {
  readonly host = '127.0.0.1'
  readonly port: number
  readonly #options: MemberOptions
  #child: Child | undefined

  constructor(options: MemberOptions) {
    this.port = options.port
    this.#options = options
  }

  /** Where clients find it. */
  get address(): string {
    const { link } = this.#options.linked ?? {}
    return link ? `${link.host}:${link.port}` : this.directAddress
  }

  /** The same past the proxy. It tells clients of `address` all the same: only one that keeps to one member stays here. */
  get directAddress(): string {
    return `${this.host}:${this.#options.linked?.clients ?? this.port}`
  }

  get link(): FaultProxy {
    const { linked } = this.#options
    if (!linked) throw new Error('There is no proxy: start the cluster with `proxied: true`.')
    return linked.link
  }

  get isRunning(): boolean {
    return this.#child !== undefined
  }

  /** Resolves when the process is there; `health` says when it is of use. It dies with this process (Linux). */
  async start(): Promise<void> {
    const { program, folder, linked } = this.#options
    const config = join(folder, `member-${this.port}.yaml`)
    await writeFile(config, await this.#configuration())
    const properties = Object.entries({ ...PROPERTIES, ...(!linked && REST), 'hazelcast.config': config }).map(
      ([name, value]) => `-D${name}=${value}`,
    )
    const java = [...JAVA, ...properties, '-cp', program.jar, 'com.hazelcast.core.server.HazelcastMemberStarter']
    const [command = '', ...args] =
      process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'KILL', program.java, ...java] : [program.java, ...java]
    this.#child = startCommand(command, { args, cwd: folder })
  }

  /** SIGKILL, also while it is paused. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    await child?.stop('SIGKILL')
  }

  async pause(): Promise<void> {
    if (this.#child) await freeze(this.#child.pid)
  }

  resume(): void {
    if (this.#child) process.kill(this.#child.pid, 'SIGCONT')
  }

  /** How many members it sees, once no entry is on its way from one to another; `undefined` when it does not answer. */
  async health(): Promise<number | undefined> {
    const stop = sleep(2_000, undefined, { ref: false })
    const port = this.#options.linked?.health ?? this.port
    const asked = fetch(`http://${this.host}:${port}/hazelcast/health`).then((response) => response.json())
    const health = (await Promise.race([asked, stop]).catch(() => undefined)) as Health | undefined
    return health?.clusterSafe && health.migrationQueueSize === 0 ? health.clusterSize : undefined
  }

  output(): string {
    return this.#child?.output() ?? ''
  }

  async #configuration(): Promise<string> {
    const { port, ports, linked, configure = (yaml) => yaml } = this.#options
    const recommended = configure(await readFile(RECOMMENDED, 'utf8'))
    let text = linked
      ? recommended.replace(/ {2}network:\n[^]*(?= {4}join:)/, networkOf(port, linked))
      : recommended.replace('port: 5701', `port: ${port}`)
    // A test may have a map of its own.
    text = text.replace('    sessions:', '    sessions*:')
    for (const other of ports) text = text.replace(/10\.0\.0\.\d+:5701/, `127.0.0.1:${other}`)
    return text.replace(/^ +- 10\.0\.0\..*\n/gm, '')
  }
}

/** Only clients come through the proxy; members reach each other without it. */
const networkOf = (port: number, { link, clients, health }: LinkedPorts): string => `  advanced-network:
    enabled: true
    member-server-socket-endpoint-config:
      port: { port: ${port}, auto-increment: false }
    client-server-socket-endpoint-config:
      port: { port: ${clients}, auto-increment: false }
      public-address: ${link.host}:${link.port}
    rest-server-socket-endpoint-config:
      port: { port: ${health}, auto-increment: false }
      endpoint-groups: { HEALTH_CHECK: { enabled: true } }
`

interface Health {
  readonly clusterSafe: boolean
  readonly migrationQueueSize: number
  readonly clusterSize: number
}
