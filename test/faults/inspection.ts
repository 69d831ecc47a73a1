import type { Answer } from './client.js'
import type { Calls } from './column.js'
import type { AppProcess } from './fleet.js'
import type { Outcome, Row, Scale } from './row.js'
import type { Stage } from './stage.js'

export interface Login {
  readonly cookie: string
  readonly id: string
}

/** A row without load: a few requests, each answer of which is looked at. */
export function inspectedRow({
  inspect,
  ...row
}: Omit<Row, 'run'> & { inspect(inspection: Inspection, stage: Stage, scale: Scale): Promise<void> }): Row {
  return {
    ...row,
    async run(stage, scale) {
      const inspection = new Inspection(stage)
      await inspect(inspection, stage, scale).catch((error: Error) => inspection.broke(error.message))
      return inspection.outcome()
    },
  }
}

/** Sends requests and notes what differs from what was promised. */
export class Inspection {
  readonly #stage: Stage
  readonly #broken: string[] = []
  readonly #failed: Record<string, number> = {}
  #sessions = 0
  #requests = 0
  #worstWaitMs = 0
  /** Said about the cell. */
  note = ''

  constructor(stage: Stage) {
    this.#stage = stage
  }

  get app(): AppProcess {
    return this.#stage.apps[0] as AppProcess
  }

  async ask(path: string, cookie?: string, app = this.app): Promise<Answer> {
    const answer = await app.get(path, cookie)
    this.#requests++
    this.#worstWaitMs = Math.max(this.#worstWaitMs, answer.ms)
    if (answer.status !== 200) this.#failed[answer.status] = (this.#failed[answer.status] ?? 0) + 1
    return answer
  }

  async logIn(app = this.app): Promise<Login> {
    const { status, cookie, body } = await this.ask('/login?user=ada', undefined, app)
    if (cookie === undefined) throw new Error(`A login was answered with ${status}: ${body}`)
    this.#sessions++
    return { cookie, id: body }
  }

  /** The session is served, with this in it. */
  async serves(what: string, cookie: string, field = 'userId', app = this.app): Promise<void> {
    const { status, body } = await this.ask('/show', cookie, app)
    this.check(`${what}: served`, status === 200 && field in (JSON.parse(body) as object))
  }

  /** The visitor counts as anonymous, and keeps the cookie that they have. */
  async isAnonymous(what: string, cookie: string, app = this.app): Promise<void> {
    this.wasAnonymous(what, await this.ask('/show', cookie, app))
  }

  wasAnonymous(what: string, { status, headers }: Answer): void {
    this.check(`${what}: anonymous, not ${status}`, status === 401)
    this.check(`${what}: the cookie is left alone`, headers['set-cookie'] === undefined)
  }

  /** Servers of copies are looked after each 5 s; what `run` asks itself, it asks each time. */
  async asksNothing(run: () => Promise<unknown>): Promise<void> {
    let calls = await this.callsDuring(run)
    for (let more = 0; calls.reads + calls.writes > 0 && more < 9; more++) calls = await this.callsDuring(run)
    this.check('the servers are not asked', calls.reads + calls.writes === 0)
  }

  /** What the servers are asked meanwhile. */
  async callsDuring(run: () => Promise<unknown>): Promise<Calls> {
    const before = await this.#stage.target.calls()
    await run()
    const after = await this.#stage.target.calls()
    return { reads: after.reads - before.reads, writes: after.writes - before.writes }
  }

  check(what: string, holds: boolean): void {
    if (!holds) this.broke(`not so: ${what}`)
  }

  broke(promise: string): void {
    this.#broken.push(promise)
  }

  async outcome(): Promise<Outcome> {
    // An app that a broken promise left behind may not answer.
    if (this.#broken.length === 0) {
      const reports = await Promise.all(this.#stage.apps.map((app) => app.report()))
      this.check(
        'no unhandled rejection',
        reports.every(({ rejections }) => rejections === 0),
      )
    }
    return {
      ...{ lost: 0, missing: 0, recoveredMs: 0, late: 0, sessions: this.#sessions, note: this.note },
      ...{ requests: this.#requests, failed: this.#failed, worstWaitMs: Math.round(this.#worstWaitMs) },
      broken: this.#broken,
    }
  }
}
