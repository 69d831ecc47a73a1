import type { Budget } from './budget.js'
import type { Commits } from './commits.js'
import { ConfigError } from './errors.js'
import type { Found } from './find-session.js'
import type { Config } from './options.js'
import { show } from './show.js'
import type { CallOptions, SessionStore } from './store.js'

/** What a bridge needs from an engine. */
export interface EngineParts {
  readonly config: Config
  readonly store: SessionStore
  readonly commits: Commits
  find(key: string, options?: CallOptions): Promise<Found>
  /** The time that one commit has in all, from now on. */
  budget(): Budget
}

const known = new WeakMap<object, EngineParts>()

/** Makes the parts of an engine known for what an app has of it. */
export const keepParts = (sessions: object, parts: EngineParts): void => void known.set(sessions, parts)

/** The parts behind what `createSessions` or `createEngine` returned. Throws `ConfigError` for anything else. */
export function partsOf(sessions: unknown): EngineParts {
  const parts =
    typeof sessions === 'object' || typeof sessions === 'function' ? known.get(sessions as object) : undefined
  if (parts) return parts
  throw new ConfigError(
    `sessions is ${show(sessions)}. Give what createSessions() returned; where it did, two copies of @holdfast/core are installed: npm ls @holdfast/core`,
  )
}
