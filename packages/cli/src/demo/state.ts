/** What the page shows. The control plane sends the whole of it after every change; the page only draws it. */
export interface DemoState {
  /** The id of the chosen approach. */
  readonly approach: string
  readonly approaches: readonly ApproachState[]
  readonly servers: readonly ServerState[]
  readonly visitors: readonly VisitorState[]
  /** The newest requests, oldest first. */
  readonly requests: readonly RequestState[]
  readonly traffic: 'running' | 'paused'
  readonly verdict: Verdict
  /** The last thing that somebody did or that happened, in one or two sentences. */
  readonly notice: string
}

export interface ApproachState {
  readonly id: string
  readonly title: string
  readonly line: string
  readonly score: Score
}

/** Page views of visitors who had signed in: was the login still there? */
export interface Score {
  readonly kept: number
  readonly lost: number
  /** Page views in a row, up to the newest, whose login was there. */
  readonly keptInARow: number
}

/** What the chosen approach does to the logins, in words. */
export interface Verdict {
  readonly tone: 'good' | 'bad'
  readonly headline: string
  readonly line: string
}

export interface ServerState {
  readonly name: string
  readonly framework: 'Koa' | 'Express'
  readonly status: 'starting' | 'running' | 'stopped'
  /** The process and port, while there are any. */
  readonly pid: number | undefined
  readonly port: number | undefined
  /** Requests that this process has answered. */
  readonly answered: number
  /** Its part of the newest answers, 0 to 1. */
  readonly share: number
}

export interface VisitorState {
  readonly name: string
  readonly address: string
  readonly signedIn: boolean
  /** The server that answered this visitor last. */
  readonly server: string | undefined
}

/** `kept` and `lost` are page views of a visitor who had signed in; `failed`: no server answered. */
export type RequestResult = 'signed-in' | 'kept' | 'lost' | 'failed'

export interface RequestState {
  /** Counts up from 1, over the whole run. */
  readonly id: number
  readonly visitor: string
  readonly server: string | undefined
  readonly result: RequestResult
}
