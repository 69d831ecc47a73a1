import { SERVER_HEADER, VISITOR_HEADER } from './balancer.js'
import { CookieJar } from './cookie-jar.js'
import type { Login, RequestResult } from './state.js'

/** No app server of the demo takes that long; the visitor then counts the request as failed. */
const PATIENCE_MS = 5_000

export interface Answer {
  readonly result: RequestResult
  /** The server that answered. */
  readonly server: string | undefined
  readonly tookMs: number
}

/** A customer with a browser of its own: cookies, an address, and what it believes about its login. */
export class Visitor {
  readonly name: string
  readonly address: string
  login: Login = 'out'
  /** The server that answered last. */
  server: string | undefined
  readonly #jar = new CookieJar()

  constructor(name: string, address: string) {
    this.name = name
    this.address = address
  }

  /** A new browser: no cookies, not signed in. */
  forget(): void {
    this.#jar.clear()
    this.login = 'out'
  }

  /** Signs in when signed out, else looks at the shop: what a person does who wants to buy. */
  async click(origin: string): Promise<Answer> {
    const startedAt = performance.now()
    const [method, path] = this.login === 'out' ? ['POST', `/sign-in/${this.name}`] : ['GET', '/shop']
    const response = await this.#send(method, origin + path)
    const tookMs = performance.now() - startedAt
    const server = response?.headers.get(SERVER_HEADER) ?? undefined
    this.server = server ?? this.server
    return { result: await this.#read(response), server, tookMs }
  }

  /** What an answer tells the visitor of its login. */
  async #read(response: Response | undefined): Promise<RequestResult> {
    if (response === undefined || response.status >= 400) {
      if (this.login === 'in') this.login = 'unknown'
      await response?.body?.cancel()
      return 'failed'
    }
    if (this.login === 'out') {
      this.login = 'in'
      return 'signed-in'
    }
    const { customer } = (await response.json()) as { customer?: string }
    this.login = customer === this.name ? 'in' : 'out'
    return this.login === 'in' ? 'kept' : 'lost'
  }

  /** `undefined` when nobody answered. */
  async #send(method: string, url: string): Promise<Response | undefined> {
    const headers = { accept: 'application/json', cookie: this.#jar.header, [VISITOR_HEADER]: this.address }
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const response = await fetch(url, { method, headers, signal, redirect: 'manual' }).catch(() => undefined)
    if (response !== undefined) this.#jar.store(response)
    return response
  }
}
