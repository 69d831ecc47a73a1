import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startCommand, type Child } from '../process.js'
import { freeze } from './freeze.js'
import type { HazelcastProgram } from './hazelcast-program.js'

export interface MemberOptions {
  readonly program: HazelcastProgram
  readonly folder: string
  readonly port: number
  readonly ports: readonly number[]
  /** Makes another configuration of the recommended one. */
  readonly configure?: ((yaml: string) => string) | undefined
}

/** The configuration that the docs recommend, which these members run with. */
const RECOMMENDED = new URL('../../docs/snippets/hazelcast.yaml', import.meta.url)
/** For three members on one small machine. */
const JAVA = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
const PROPERTIES = {
  'hazelcast.partition.count': 71,
  'hazelcast.wait.seconds.before.join': 0,
  'hazelcast.local.localAddress': '127.0.0.1',
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

  get address(): string {
    return `${this.host}:${this.port}`
  }

  get isRunning(): boolean {
    return this.#child !== undefined
  }

  /** Resolves when the process is there; `health` says when it is of use. It dies with this process (Linux). */
  async start(): Promise<void> {
    const { program, folder } = this.#options
    const config = join(folder, `member-${this.port}.yaml`)
    await writeFile(config, await this.#configuration())
    const properties = Object.entries({ ...PROPERTIES, 'hazelcast.config': config }).map(
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
    const asked = fetch(`http://${this.address}/hazelcast/health`).then((response) => response.json())
    const health = (await Promise.race([asked, stop]).catch(() => undefined)) as Health | undefined
    return health?.clusterSafe && health.migrationQueueSize === 0 ? health.clusterSize : undefined
  }

  output(): string {
    return this.#child?.output() ?? ''
  }

  async #configuration(): Promise<string> {
    const { port, ports, configure = (yaml) => yaml } = this.#options
    let text = configure(await readFile(RECOMMENDED, 'utf8')).replace('port: 5701', `port: ${port}`)
    for (const other of ports) text = text.replace(/10\.0\.0\.\d+:5701/, `127.0.0.1:${other}`)
    return text.replace(/^ +- 10\.0\.0\..*\n/gm, '')
  }
}

interface Health {
  readonly clusterSafe: boolean
  readonly migrationQueueSize: number
  readonly clusterSize: number
}
