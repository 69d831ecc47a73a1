import type { Kind } from './store-config.js'

/** What the page shows. The control plane sends the whole of it after every change; the page only draws it. */
export interface DemoState {
  /** The id of the chosen approach. */
  readonly approach: string
  readonly approaches: readonly ApproachState[]
  readonly servers: readonly ServerState[]
  /** What the servers share their sessions through, under an approach in which they do. */
  readonly sessionServers: SessionServersState | undefined
  /** The move of the running shop that is under way, or the last one since an approach was chosen. */
  readonly move: MoveState | undefined
  /** The ids of the approaches to which the running shop could be moved now. */
  readonly targets: readonly string[]
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
  /** `false`: this machine lacks something, of which the line tells; it cannot be chosen. */
  readonly isHere: boolean
  /** The command that brings what is missing, where there is one. */
  readonly command: string | undefined
  readonly score: Score
}

/** As core's `MigrationPhase`, of which the page knows nothing. */
export type Phase = 'off' | 'shadow' | 'switch' | 'drain' | 'done'

export interface MoveState {
  /** The titles of the approaches. */
  readonly from: string
  readonly to: string
  readonly phase: Phase
  /** What happens now, in one or two sentences. */
  readonly line: string
  readonly isOver: boolean
  /** Since it began; for good once it is over. */
  readonly kept: number
  readonly lost: number
  readonly failed: number
  /** Where the sessions go, while they do. */
  readonly sessionServers: SessionServersState | undefined
}

/** Page views of visitors who had signed in: was the login still there? */
export interface Score {
  readonly kept: number
  readonly lost: number
  /** Requests that got no page. */
  readonly failed: number
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
  /** While sessions move: the phase that it works in. */
  readonly phase: Phase | undefined
}

export interface SessionServersState {
  readonly kind: Kind
  /** So many of them may be away, and every login holds. */
  readonly spare: number
  /** Where a session is, in a sentence. */
  readonly holds: string
  /** The lines of the app servers' config. */
  readonly config: readonly string[]
  /** None when the app servers share with each other. */
  readonly servers: readonly SessionServerState[]
}

export interface SessionServerState {
  readonly name: string
  /** `'given'`: it is not the demo's, which knows nothing of it and does nothing to it. */
  readonly status: 'starting' | 'running' | 'frozen' | 'stopped' | 'given'
  /** The process, while there is one that is the demo's. */
  readonly pid: number | undefined
  /** Host and port. */
  readonly address: string
}

/** What a visitor believes of its login; `'unknown'` after a page view that failed. */
export type Login = 'in' | 'out' | 'unknown'

export interface VisitorState {
  readonly name: string
  readonly address: string
  readonly login: Login
  /** The server that answered this visitor last. */
  readonly server: string | undefined
}

/**
 * `kept` and `lost` are page views of a visitor who had signed in. `failed`: no page and no sign-in, but a 503, be it of a
 * server that does not reach the sessions or, when there is no server, of the balancer.
 */
export type RequestResult = 'signed-in' | 'kept' | 'lost' | 'failed'

export interface RequestState {
  /** Counts up from 1, over the whole run. */
  readonly id: number
  readonly visitor: string
  readonly server: string | undefined
  readonly result: RequestResult
  /** How long the answer took. */
  readonly tookMs: number
}
