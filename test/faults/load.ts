import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../servers/until.js'
import type { Answer } from './client.js'
import type { Target } from './column.js'
import { storedIn } from './columns/session-server.js'
import { HealthChecks, type Asked } from './health-checks.js'
import { Visitor } from './visitor.js'

export interface LoadOptions {
  readonly apps: readonly Asked[]
  /** Logged in at any time; who logs out or is thrown out is followed by another. */
  readonly visitors: number
  /** How many requests are under way at one time. */
  readonly workers: number
  /** Apps are left out by their `/health` too. */
  readonly asksHealth?: boolean
  /** As apps with a near cache may answer. */
  readonly maxStaleMs?: number
  /** Between two visits of a worker, a change and a look each. Default 8 ms. */
  readonly pauseMs?: number
}

const PAUSE_MS = 8
/** Of so many changes one is followed by a logout. */
const LOGOUT_EACH = 30
const RECOVERY_MS = 30_000
const AVOIDED_MS = 500

/**
 * Visitors who change their sessions, look at them and log out, each request at any of the apps. An app that is gone is
 * left out for the next request, as a balancer does.
 */
export class Load {
  /** All that ever were. */
  readonly visitors: Visitor[] = []
  requests = 0
  worstWaitMs = 0
  /** When the last failed request ended, by `performance.now()`. */
  lastFailureAt = 0
  readonly #apps: readonly Asked[]
  readonly #pauseMs: number
  readonly #seats: Visitor[]
  readonly #maxStaleMs: number
  readonly #served = new Set<number>()
  /** Whose login is under way. */
  readonly #entering = new Set<Visitor>()
  /** Until when an app is left out. */
  readonly #avoided = new Map<Asked, number>()
  readonly #health: HealthChecks | undefined
  #workers: Promise<unknown> = Promise.resolve()
  #running = true
  #turn = 0

  private constructor({ apps, visitors, asksHealth = false, maxStaleMs = 0, pauseMs = PAUSE_MS }: LoadOptions) {
    this.#apps = apps
    this.#maxStaleMs = maxStaleMs
    this.#pauseMs = pauseMs
    if (asksHealth) this.#health = new HealthChecks(apps)
    this.#seats = Array.from({ length: visitors }, () => this.#newVisitor())
  }

  /** Resolves when every visitor has logged in and made a change. */
  static async start(options: LoadOptions): Promise<Load> {
    const load = new Load(options)
    load.#workers = Promise.all(Array.from({ length: options.workers }, (_, i) => load.#work(i)))
    await load.allServed()
    return load
  }

  /** Resolves when, counted from now, each visitor has made a change that was acknowledged. */
  async allServed(): Promise<void> {
    this.#served.clear()
    const endsAt = performance.now() + RECOVERY_MS
    while (this.#served.size < this.#seats.length) {
      if (performance.now() > endsAt) throw new Error(`${this.#missing()} visitors were not served in 30 s.`)
      await sleep(10)
    }
  }

  /** Resolves when all that was acknowledged until now lies in as many servers as it should, and nothing else. `gone`: default all. */
  async allStored(
    target: Pick<Target, 'stored' | 'bytes'>,
    gone: readonly Visitor[] = this.visitors.filter(({ login }) => login === 'out'),
  ): Promise<void> {
    for (const { id } of gone) {
      // A spare that is asked only in place of others may have an older record.
      const isOver = async (): Promise<boolean> => {
        const held = (await target.bytes(id)).map(storedIn)
        const over = held.filter((one) => one === 'destroyed').length
        return over === held.length || over > 1
      }
      await until('a logout is on all its servers', isOver)
    }
    const due = this.#seats.map((visitor) => ({ visitor, fields: [...visitor.acknowledged] }))
    for (const { visitor, fields } of due) {
      const isStored = async (): Promise<boolean> => {
        const held = await target.stored(visitor.id)
        return visitor.login !== 'in' || visitor.lost || fields.every((field) => field in Object(held))
      }
      await until('each session is on all its servers', isStored)
    }
  }

  /** Failed requests by status. */
  failed(visitors: readonly Visitor[] = this.visitors): Readonly<Record<string, number>> {
    const all: Record<string, number> = {}
    for (const { failed } of visitors)
      for (const [status, count] of Object.entries(failed)) all[status] = (all[status] ?? 0) + count
    return all
  }

  async stop(): Promise<void> {
    this.#running = false
    await this.#workers
    await this.#health?.stop()
  }

  #missing(): number {
    return this.#seats.length - this.#served.size
  }

  /** A worker takes the visitors in turn, so two of them may be with one visitor at a time. */
  async #work(first: number): Promise<void> {
    for (let seat = first % this.#seats.length; this.#running; seat = (seat + 1) % this.#seats.length) {
      await this.#visit(seat)
      await sleep(this.#pauseMs)
    }
  }

  async #visit(seat: number): Promise<void> {
    const visitor = this.#seats[seat] as Visitor
    // Another worker is with them; who was logged in and never came again would be nobody's fault.
    if (this.#entering.has(visitor)) return
    if (visitor.login === 'unknown' || visitor.lost) return this.#replace(seat)
    const changed = await this.#send(visitor, (app) => visitor.change(app))
    if (changed.status !== 200) return
    this.#served.add(seat)
    const seen = await this.#send(visitor, (app) => visitor.look(app))
    if (seen.status !== 200 || visitor.acknowledged.length % LOGOUT_EACH > 0) return
    await this.#send(visitor, (app) => visitor.logOut(app))
    if (this.#seats[seat] === visitor) await this.#replace(seat)
  }

  async #replace(seat: number): Promise<void> {
    const visitor = this.#newVisitor()
    this.#seats[seat] = visitor
    this.#entering.add(visitor)
    await this.#send(visitor, (app) => visitor.logIn(app))
    this.#entering.delete(visitor)
  }

  #newVisitor(): Visitor {
    const visitor = new Visitor({ maxStaleMs: this.#maxStaleMs })
    this.visitors.push(visitor)
    return visitor
  }

  async #send(visitor: Visitor, request: (app: Asked) => Promise<Answer>): Promise<Answer> {
    const app = this.#nextApp()
    const answer = await request(app)
    if (answer.status === 'refused') {
      this.#avoided.set(app, performance.now() + AVOIDED_MS)
      return this.#send(visitor, request)
    }
    this.requests++
    this.worstWaitMs = Math.max(this.worstWaitMs, answer.ms)
    // Another worker may have sent this visitor's logout meanwhile.
    const isLoggedOut = [401, 409].includes(Number(answer.status)) && visitor.login !== 'in'
    if (answer.status !== 200 && !isLoggedOut) {
      visitor.failed[answer.status] = (visitor.failed[answer.status] ?? 0) + 1
      this.lastFailureAt = performance.now()
    }
    return answer
  }

  #nextApp(): Asked {
    const now = performance.now()
    const up = this.#apps.filter((app) => (this.#avoided.get(app) ?? 0) < now && !this.#health?.isOut(app))
    const among = up.length > 0 ? up : this.#apps
    return among[this.#turn++ % among.length] as Asked
  }
}
