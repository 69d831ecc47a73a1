import type { Budget } from './budget.js'
import type { Snapshot } from './changes.js'
import type { Commits } from './commits.js'
import type { StoreUnavailableError } from './errors.js'
import type { LiveSession } from './live-session.js'
import type { Config } from './options.js'
import type { Users } from './users.js'

/** What a live session needs from its engine. */
export interface SessionParts {
  readonly config: Config
  readonly commits: Commits
  readonly users: Users
  /** The live session of a key, past every near cache. */
  loadFresh(key: string): Promise<Snapshot | undefined>
  /** The time that one commit has in all, from now on. */
  budget(): Budget
}

/** What the cookie of a stored session says. */
export interface SessionCookie {
  readonly secret: string
  readonly absoluteAt: number
  readonly persistent: boolean
}

/** What a live session needs from its request. */
export interface SessionHost {
  /** The client can still get a cookie with this response. */
  readonly takesCookies: boolean
  /** The handler has ended its response: what it changes from now on is stored by nobody. */
  readonly hasEnded: boolean
  /** One after the other: `save()` beside a commit. */
  serial<T>(work: () => Promise<T>): Promise<T>
  sendCookie(cookie: SessionCookie): void
  regenerate(session: LiveSession): Promise<void>
  destroy(session: LiveSession): Promise<void>
}

/** What a request knows of its session when it begins. */
export interface SessionStart {
  readonly origin?: Origin | undefined
  /** Stored even when empty. */
  readonly wanted?: boolean
  readonly outage?: StoreUnavailableError | undefined
}

/** The stored session that a request's cookie names. */
export interface Origin {
  readonly secret: string
  readonly key: string
  readonly snapshot: Snapshot
}

/** What a commit takes along; the handler may want more while it is under way. */
export interface Pending {
  readonly secret: string
  readonly key: string
  readonly text: string
  readonly values: readonly unknown[]
  readonly user: string | undefined
  readonly lifetime: { readonly idleMs: number; readonly absoluteAt: number } | undefined
  readonly rotatedFrom: string | undefined
}
