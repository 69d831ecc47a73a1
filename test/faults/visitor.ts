import type { Answer } from './client.js'
import type { Asked } from './health-checks.js'

/** What is known of a visitor's login. `'unknown'`: a logout or the login itself was not acknowledged. */
type Login = 'in' | 'out' | 'unknown'

/**
 * One visitor with one session, and what was acknowledged to them: the history that the servers must still tell at the
 * end. Each change sets a field of its own.
 */
export class Visitor {
  readonly acknowledged: string[] = []
  /** Requests that failed, by status. */
  readonly failed: Record<string, number> = {}
  login: Login = 'unknown'
  /** The app has shown them the door although they had logged in and not out. */
  lost = false
  /** They were let in after an acknowledged logout. */
  returned = false
  /** Acknowledged changes that the very next request did not see. */
  stale = 0
  id = ''
  /** By `performance.now()`. */
  loggedInAt = Infinity
  readonly #maxStaleMs: number
  /** When, for each that was acknowledged; by `performance.now()`, as `#loggedOutAt`. */
  readonly #acknowledgedAt: number[] = []
  #loggedOutAt = Infinity
  #cookie: string | undefined
  #changes = 0

  /** `maxStaleMs`: what one app has acknowledged the others may see so much later. */
  constructor({ maxStaleMs = 0 }: { readonly maxStaleMs?: number } = {}) {
    this.#maxStaleMs = maxStaleMs
  }

  get cookie(): string | undefined {
    return this.#cookie
  }

  async logIn(app: Asked): Promise<Answer> {
    const answer = await app.get('/login?user=ada')
    if (answer.status !== 200 || answer.cookie === undefined) return answer
    this.#cookie = answer.cookie
    this.id = answer.body
    this.login = 'in'
    this.loggedInAt = performance.now()
    return answer
  }

  async change(app: Asked): Promise<Answer> {
    const field = `f${this.#changes++}`
    const answer = await this.#ask(app, `/add?field=${field}`)
    if (answer.status === 200 && this.login === 'in') {
      this.acknowledged.push(field)
      this.#acknowledgedAt.push(performance.now())
    }
    return answer
  }

  /** Looks at the session: the last change that was acknowledged in time must be there, whichever app answers. */
  async look(app: Asked): Promise<Answer> {
    const due = performance.now() - this.#maxStaleMs
    const last = this.acknowledged[this.#acknowledgedAt.findLastIndex((at) => at <= due)]
    const answer = await this.#ask(app, '/show')
    const sees = (field: string): boolean => field in (JSON.parse(answer.body) as object)
    if (answer.status === 200 && last !== undefined && !sees(last)) this.stale++
    return answer
  }

  async logOut(app: Asked): Promise<Answer> {
    if (this.login === 'in') this.login = 'unknown'
    const answer = await app.get('/logout', this.#cookie)
    if (answer.status !== 200) return answer
    this.login = 'out'
    this.#loggedOutAt = performance.now()
    return answer
  }

  async #ask(app: Asked, path: string): Promise<Answer> {
    const isOut = performance.now() - this.#maxStaleMs >= this.#loggedOutAt
    const answer = await app.get(path, this.#cookie)
    if (answer.status === 401 && this.login === 'in') this.lost = true
    if (answer.status === 200 && isOut) this.returned = true
    return answer
  }
}
