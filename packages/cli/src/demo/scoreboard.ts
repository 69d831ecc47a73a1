import type { RequestState, Score } from './state.js'

/** As many as the strip of the page shows. */
const NEWEST = 60
/** A server's share of the load is taken over so many answers, about eight seconds: a change of it shows at once. */
const RECENT = 24

const nothing: Score = { kept: 0, lost: 0, failed: 0, keptInARow: 0 }

/** What happened to the visitors' requests: the newest ones, and kept and lost logins for each approach. */
export class Scoreboard {
  #requests: readonly RequestState[] = []
  #count = 0
  readonly #scores = new Map<string, Score>()

  add(approach: string, request: Omit<RequestState, 'id'>): void {
    this.#requests = [...this.#requests, { ...request, id: ++this.#count }].slice(-NEWEST)
    const score = this.score(approach)
    const { kept, lost, failed, keptInARow } = score
    if (request.result === 'kept') this.#scores.set(approach, { ...score, kept: kept + 1, keptInARow: keptInARow + 1 })
    if (request.result === 'lost') this.#scores.set(approach, { ...score, lost: lost + 1, keptInARow: 0 })
    if (request.result === 'failed') this.#scores.set(approach, { ...score, failed: failed + 1 })
  }

  score(approach: string): Score {
    return this.#scores.get(approach) ?? nothing
  }

  get requests(): readonly RequestState[] {
    return this.#requests
  }

  /** The part of the 24 newest answers that `server` gave, 0 to 1. */
  share(server: string): number {
    const answered = this.#requests.filter((request) => request.server !== undefined).slice(-RECENT)
    return answered.filter((request) => request.server === server).length / Math.max(1, answered.length)
  }
}
