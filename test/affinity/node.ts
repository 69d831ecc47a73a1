import { request } from 'node:http'
import { startNode, type Child } from '../process.js'
import { freePort } from '../servers/free-port.js'

export interface NodeSettings {
  readonly framework: 'Express' | 'Koa'
  readonly node: string
  /** All of them. */
  readonly nodes: readonly string[]
  readonly port: number
  /** The store that all share; without it each has its own memory. */
  readonly redis?: string
  /** How long it stays open after `drain()`. */
  readonly leaveMs: number
}

/** What a node answers to a visitor. */
export interface Said {
  readonly node: string
  readonly user: string | null
  readonly visits: number
  readonly from: string
  readonly proto: string
}

/** An app server in a process of its own, on the same port for its whole life. */
export class AppNode {
  readonly name: string
  readonly port: number
  readonly #settings: NodeSettings
  #child: Child | undefined

  constructor(settings: NodeSettings) {
    this.name = settings.node
    this.port = settings.port
    this.#settings = settings
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  async start(): Promise<void> {
    const env = { NODE_ENV: 'production', APP_SETTINGS: JSON.stringify(this.#settings) }
    this.#child = startNode('test/affinity/app.ts', { env })
    await this.#child.printed(/listening on \d+/)
  }

  async kill(): Promise<void> {
    await this.#child?.stop('SIGKILL')
    this.#child = undefined
  }

  /** SIGTERM: it drains, closes its server when the balancer has noticed, and ends by itself. */
  async leave(): Promise<void> {
    const exit = await this.#child?.stop()
    this.#child = undefined
    if (exit?.code !== 0) throw new Error(`Node ${this.name} ended with ${exit?.code}.`)
  }

  async control<T>(path: string): Promise<T> {
    return JSON.parse((await ask({ port: this.port, path })).body) as T
  }
}

export interface FleetOptions {
  readonly redis?: string
  readonly leaveMs?: number
}

/** Three nodes: `a` and `c` on Express, `b` on Koa. */
export async function startFleet({ leaveMs = 0, ...options }: FleetOptions = {}): Promise<AppNode[]> {
  const nodes = ['a', 'b', 'c']
  const fleet = await Promise.all(
    nodes.map(async (node) => {
      const framework = node === 'b' ? 'Koa' : 'Express'
      return new AppNode({ ...options, framework, node, nodes, leaveMs, port: await freePort() })
    }),
  )
  await Promise.all(fleet.map((node) => node.start()))
  return fleet
}

export interface Question {
  readonly port: number
  readonly path: string
  readonly method?: 'GET' | 'POST'
  readonly cookie?: string | undefined
  /** An address of this machine, to come from. */
  readonly from?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  readonly body: string
  readonly set: readonly string[]
}

/** One request on a connection of its own. Rejects when the connection breaks. */
export function ask({ cookie, from, headers, ...question }: Question): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', agent: false, ...question },
        ...(from !== undefined && { localAddress: from }),
        headers: { ...headers, ...(cookie && { cookie }) },
      },
      (message) => {
        let body = ''
        message.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
        message.on('end', () =>
          resolve({ status: message.statusCode ?? 0, body, set: message.headers['set-cookie'] ?? [] }),
        )
        message.on('error', reject)
      },
    )
    sent.on('error', reject).end()
  })
}
