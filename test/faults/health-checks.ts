import { setTimeout as sleep } from 'node:timers/promises'
import type { AppProcess } from './fleet.js'

/** What visitors ask: an app, or a balancer before several. */
export type Asked = Pick<AppProcess, 'get' | 'giveUp'>

const EVERY_MS = 500

/** Without an answer to so many in a row. */
const GIVEN_UP_AFTER = 2

/**
 * The health checks of a balancer: each app is asked every half second. One that says no, or nothing until then, gets no new
 * requests; one that says nothing twice is given up, with what is under way in it.
 */
export class HealthChecks {
  readonly #out = new Set<Asked>()
  readonly #checks: Promise<unknown>
  readonly #stopping = new AbortController()

  constructor(apps: readonly Asked[]) {
    this.#checks = Promise.all(apps.map((app) => this.#watch(app)))
  }

  isOut(app: Asked): boolean {
    return this.#out.has(app)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#checks
  }

  async #watch(app: Asked): Promise<void> {
    const { signal } = this.#stopping
    const pause = (): Promise<undefined> => sleep(EVERY_MS, undefined, { signal }).catch(() => undefined)
    for (let silent = 0; !signal.aborted;) {
      const next = pause()
      const answer = await Promise.race([app.get('/health'), next])
      if (signal.aborted) return
      if (answer?.status === 200) this.#out.delete(app)
      else this.#out.add(app)
      silent = answer === undefined ? silent + 1 : 0
      if (silent >= GIVEN_UP_AFTER) app.giveUp()
      await next
    }
  }
}
