import { randomUUID } from 'node:crypto'
import { Client, type Answer } from '../faults/client.js'
import type { Asked } from '../faults/health-checks.js'
import { startNode, type Child } from '../process.js'
import { freeze } from '../servers/freeze.js'
import { sharedHazelcast, type SharedHazelcast } from '../servers/hazelcast-shared.js'
import { freePort } from '../servers/free-port.js'
import { startMemcached } from '../servers/memcached.js'
import { startRedis } from '../servers/redis.js'
import { until } from '../servers/until.js'
import { isAlone, nameOf, type Kind, type Pair, type Phase } from './pairs.js'

/** What an app process is told. */
export interface MoveSettings {
  readonly secret: string
  /** Those that it serves. */
  readonly pairs: readonly Pair[]
  /** The peer nodes that lie in this process. */
  readonly nodes: PeerNodes
  readonly servers: Servers
}

/** `shared`: among the three. `alone`: of the one and two of the three. */
export type PeerNodes = Readonly<Partial<Record<'shared' | 'alone', PeerNode>>>

interface PeerNode {
  readonly self: string
  readonly peers: readonly string[]
}

export interface Servers {
  readonly redis?: string
  readonly memcached?: readonly string[]
  readonly hazelcast?: SharedHazelcast
  /** Comes before every key, and into the name of every map. */
  readonly space: string
}

export const PEER_SECRET = 'a secret of the peers that are moved to and from'
const START_MS = 60_000

/** One app server in a process of its own: for each pair it has an app of its own, under `/on/<pair>`. */
export class MovingApp {
  readonly #settings: MoveSettings
  readonly #past: string[] = []
  #child: Child
  #client: Client

  private constructor(settings: MoveSettings, child: Child, client: Client) {
    this.#settings = settings
    this.#child = child
    this.#client = client
  }

  static async start(settings: MoveSettings, phase?: Phase): Promise<MovingApp> {
    const { child, client } = await launch(settings, phase)
    return new MovingApp(settings, child, client)
  }

  /** What a visitor of one of its apps asks. */
  on(pair: Pair): Asked {
    return {
      get: (path, cookie) => this.#client.get(`/on/${nameOf(pair)}${path}`, cookie),
      giveUp: () => this.#client.close(),
    }
  }

  /** For whoever runs it. Rejects with what it says where that is not 200. */
  async tell<T>(path: string): Promise<T> {
    const { status, body } = await this.#client.get(path)
    if (status !== 200) throw new Error(`${path} was answered by ${status}: ${body}`)
    return JSON.parse(body) as T
  }

  ask(path: string): Promise<Answer> {
    return this.#client.get(path)
  }

  /** By the id of a session, when fewer servers acknowledged a write of it than should: ms since the epoch. In all its lives. */
  degraded(): ReadonlyMap<string, readonly number[]> {
    const times = new Map<string, number[]>()
    for (const [, id = '', time] of this.printed().matchAll(/^degraded (\S+) (\d+)$/gm))
      times.set(id, [...(times.get(id) ?? []), Number(time)])
    return times
  }

  /** All that it ever printed. */
  printed(): string {
    return [...this.#past, this.#child.output()].join('')
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.#child.stop('SIGKILL')
    this.#client.close()
  }

  /** SIGSTOP. Resolves when it stands still. */
  pause(): Promise<void> {
    return freeze(this.#child.pid)
  }

  resume(): void {
    process.kill(this.#child.pid, 'SIGCONT')
  }

  async restart(phase?: Phase): Promise<void> {
    const { child, client } = await launch(this.#settings, phase)
    this.#past.push(this.#child.output())
    this.#child = child
    this.#client = client
  }
}

async function launch(settings: MoveSettings, phase?: Phase): Promise<{ child: Child; client: Client }> {
  const env = { NODE_ENV: 'production', APP_MOVES: JSON.stringify(settings), APP_PHASE: phase }
  const child = startNode('test/migrate/app.ts', { env })
  const [, port] = await child.printed(/listening on (\d+)/, START_MS)
  // A deployment of all apps of a process takes longer than a page.
  return { child, client: new Client(Number(port), { hungMs: 30_000 }) }
}

export interface MovingFleet {
  /** The three that share what can be shared. */
  readonly shared: readonly MovingApp[]
  /** The one that has what lies in the memory of one process. */
  readonly alone: MovingApp
  readonly all: readonly MovingApp[]
  /** Resolves when each peer has its share, and every session its copies. */
  settled(): Promise<void>
  stop(): Promise<void>
}

/** Four app servers, and the servers of all kinds that the pairs name. Three are deployed in `phase`; the one that is alone follows. */
export async function startMovingFleet(pairs: readonly Pair[], secret: string, phase: Phase): Promise<MovingFleet> {
  const kinds = new Set<Kind>(pairs.flatMap(({ from, to }) => [from, to]))
  const redis = kinds.has('redis') ? await startRedis() : undefined
  const memcached = kinds.has('memcached') ? await Promise.all([startMemcached(), startMemcached()]) : []
  const servers: Servers = {
    space: randomUUID(),
    ...(redis && { redis: redis.url }),
    ...(memcached.length > 0 && { memcached: memcached.map(({ address }) => address) }),
    ...(kinds.has('hazelcast') && { hazelcast: await sharedHazelcast() }),
  }
  const [ofShared, ofAlone] = [await threePeers(), await threePeers()]
  const nodes: readonly PeerNodes[] = [
    { shared: ofShared(0), alone: ofAlone(0) },
    { shared: ofShared(1), alone: ofAlone(1) },
    { shared: ofShared(2) },
    { alone: ofAlone(2) },
  ]
  const all = await Promise.all(
    nodes.map((own, place) =>
      MovingApp.start(
        { secret, servers, nodes: own, pairs: pairs.filter((pair) => isAlone(pair) === (place === 3)) },
        place === 3 ? undefined : phase,
      ),
    ),
  )
  const isSettled = async (): Promise<boolean> =>
    (await Promise.all(all.map((app) => app.tell<boolean>('/settled')))).every(Boolean)
  const settled = (): Promise<void> => until('all peers have their share', isSettled)
  const stop = async (): Promise<void> => {
    await Promise.allSettled(all.map((app) => app.kill()))
    await Promise.all([redis?.stop(), ...memcached.map((server) => server.stop())])
  }
  try {
    await settled()
  } catch (error) {
    await stop()
    throw error
  }
  return { shared: all.slice(0, 3), alone: all[3] as MovingApp, all, settled, stop }
}

async function threePeers(): Promise<(at: number) => PeerNode> {
  const peers = await Promise.all([0, 1, 2].map(async () => `127.0.0.1:${await freePort()}`))
  return (at) => ({ self: peers[at] as string, peers })
}
