import { VISITOR_HEADER } from './balancer.js'
import { CookieJar } from './cookie-jar.js'
import type { RequestResult } from './state.js'

/** No app server of the demo takes that long; the visitor then counts the request as failed. */
const PATIENCE_MS = 5_000

export interface Answer {
  readonly result: RequestResult
  /** The server that answered. */
  readonly server: string | undefined
}

/** A customer with a browser of its own: cookies, an address, and what it believes about its login. */
export class Visitor {
  readonly name: string
  readonly address: string
  /** Whether its last answer left it signed in. */
  signedIn = false
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
    this.signedIn = false
  }

  /** Looks at the shop when signed in, else signs in: what a person does who wants to buy. */
  click(origin: string): Promise<Answer> {
    return this.signedIn ? this.#look(origin) : this.#signIn(origin)
  }

  async #signIn(origin: string): Promise<Answer> {
    const response = await this.#send('POST', `${origin}/sign-in/${this.name}`)
    if (response === undefined) return { result: 'failed', server: undefined }
    this.signedIn = true
    return { result: 'signed-in', server: this.server }
  }

  async #look(origin: string): Promise<Answer> {
    const response = await this.#send('GET', `${origin}/shop`)
    if (response === undefined) return { result: 'failed', server: undefined }
    const { customer } = (await response.json()) as { customer?: string }
    this.signedIn = customer === this.name
    return { result: this.signedIn ? 'kept' : 'lost', server: this.server }
  }

  /** `undefined` when nobody answered, or not with a success or a redirect. */
  async #send(method: string, url: string): Promise<Response | undefined> {
    const headers = { accept: 'application/json', cookie: this.#jar.header, [VISITOR_HEADER]: this.address }
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const response = await fetch(url, { method, headers, signal, redirect: 'manual' }).catch(() => undefined)
    if (response === undefined || response.status >= 400) return undefined
    this.#jar.store(response)
    this.server = response.headers.get('x-served-by') ?? undefined
    return response
  }
}
