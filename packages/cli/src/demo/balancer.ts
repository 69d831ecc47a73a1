import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { createProxyServer } from 'httpxy'
import type { Approach } from './approaches.js'
import type { Policy } from './policies.js'

/** The client address that a visitor of the demo claims. Only the balancer believes it; no app server gets to see it. */
export const VISITOR_HEADER = 'x-demo-visitor-address'

/** Who answered. The balancer says it: a server that fails may leave its own headers away. */
export const SERVER_HEADER = 'x-served-by'

/** The balancer's own cookie, as HAProxy's `cookie SRV insert` sets it. */
const ROUTE_COOKIE = 'SRV'

/** A server as the balancer sees it; it gets requests while it has a `url` and, unless none is, is healthy. */
export interface Backend {
  readonly name: string
  readonly url: string | undefined
  readonly isHealthy: boolean
  countAnswer(): void
}

/** Sends each request to one of the running servers, as the approach in use says. */
export class Balancer {
  readonly #servers: readonly Backend[]
  readonly #proxy = createProxyServer()
  readonly #chosen = new WeakMap<IncomingMessage, Backend>()
  #approach: Approach
  #policy: Policy

  constructor(servers: readonly Backend[], approach: Approach) {
    this.#servers = servers
    this.#approach = approach
    this.#policy = approach.policy()
    this.#proxy.on('proxyRes', (answer, request) => {
      const server = this.#chosen.get(request)
      if (server === undefined) return
      if (this.#approach.setsRoute && routeOf(request) !== server.name) setRoute(answer, server.name)
      answer.headers[SERVER_HEADER] = server.name
      server.countAnswer()
    })
  }

  use(approach: Approach): void {
    this.#approach = approach
    this.#policy = approach.policy()
  }

  /**
   * Answers 503 when no server runs. When a server dies while it has a request, a page view goes to the next one; what
   * might change something is not sent twice and gets 502.
   */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const address = clientAddress(request)
    delete request.headers[VISITOR_HEADER]
    request.headers['x-forwarded-for'] = address
    const failed = new Set<Backend>()
    for (;;) {
      const server = this.#pick(address, request, failed)
      if (server?.url === undefined) return refuse(response, 503, 'No server is running.')
      this.#chosen.set(request, server)
      try {
        return await this.#proxy.web(request, response, { target: server.url })
      } catch {
        if (response.headersSent) return void response.destroy()
        if (request.method !== 'GET') return refuse(response, 502, `Server ${server.name} did not answer.`)
        failed.add(server)
      }
    }
  }

  #pick(address: string, request: IncomingMessage, failed: ReadonlySet<Backend>): Backend | undefined {
    const running = this.#servers.filter((server) => server.url !== undefined && !failed.has(server))
    if (running.length === 0) return undefined
    const healthy = running.filter((server) => server.isHealthy)
    const live = healthy.length > 0 ? healthy : running
    const names = live.map((server) => server.name)
    const name = this.#policy({ address, route: routeOf(request) }, names)
    return live.find((server) => server.name === name)
  }
}

function clientAddress(request: IncomingMessage): string {
  const claimed = String(request.headers[VISITOR_HEADER])
  return isIP(claimed) ? claimed : (request.socket.remoteAddress ?? '')
}

const routeOf = (request: IncomingMessage): string | undefined =>
  new RegExp(`(?:^|; *)${ROUTE_COOKIE}=([^;]*)`).exec(request.headers.cookie ?? '')?.[1]

function setRoute(answer: IncomingMessage, name: string): void {
  const cookies = answer.headers['set-cookie'] ?? []
  answer.headers['set-cookie'] = [...cookies, `${ROUTE_COOKIE}=${name}; Path=/; HttpOnly; SameSite=Lax`]
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text + '\n')
}
