import { toMs } from './duration.js'
import { ConfigError } from './errors.js'
import { refuseUnknown } from './option-checks.js'
import { show } from './show.js'
import type { RememberedLifetime, SessionOptions } from './types.js'

export interface Lifetime {
  readonly idleMs: number
  readonly absoluteMs: number
}

const MINUTE = 60_000
const DAY = 86_400_000

/** The pair of every session; defaults 30 minutes and 12 hours. A default gives way downward, never upward. */
export function baseLifetime({ idle, absolute }: Pick<SessionOptions, 'idle' | 'absolute'>): Lifetime {
  const absoluteMs = absolute === undefined ? DAY / 2 : toMs(absolute, 'absolute')
  const idleMs = idle === undefined ? Math.min(30 * MINUTE, absoluteMs) : toMs(idle, 'idle')
  if (idleMs <= absoluteMs) return { idleMs, absoluteMs }
  const given = absolute === undefined ? "'12h', the default" : show(absolute)
  throw new ConfigError(`idle is ${show(idle)}, longer than absolute (${given}). Give a longer absolute too.`)
}

/** The pair of sessions that called `remember()`; defaults 30 and 90 days, or `base` where that is longer. */
export function rememberedLifetime(remember: RememberedLifetime, base: Lifetime): Lifetime {
  const { idle, absolute, ...unknown } = remember
  refuseUnknown('remember.', unknown)
  const absoluteMs = absolute === undefined ? Math.max(90 * DAY, base.absoluteMs) : toMs(absolute, 'remember.absolute')
  const idleMs =
    idle === undefined ? Math.min(Math.max(30 * DAY, base.idleMs), absoluteMs) : toMs(idle, 'remember.idle')
  if (absoluteMs < base.absoluteMs) throw shorter('absolute', absolute, base.absoluteMs)
  if (idleMs < base.idleMs) throw shorter('idle', idle, base.idleMs)
  if (idleMs <= absoluteMs) return { idleMs, absoluteMs }
  const given = absolute === undefined ? "'90d', the default" : show(absolute)
  throw new ConfigError(
    `remember.idle is ${show(idle)}, longer than remember.absolute (${given}). Give a longer remember.absolute too.`,
  )
}

const shorter = (option: 'idle' | 'absolute', value: unknown, leastMs: number): ConfigError =>
  new ConfigError(
    `remember.${option} is ${show(value)}, shorter than ${option} itself (${leastMs} ms). A session lives longer after remember(): give more.`,
  )

/** What one session gets from `remember(given)`: up to the configured pair. */
export function chosenLifetime(given: RememberedLifetime, longest: Lifetime): Lifetime {
  const choose = (name: 'idle' | 'absolute', mostMs: number): number => {
    const ms = given[name] === undefined ? mostMs : toMs(given[name], `remember({ ${name} })`)
    if (ms <= mostMs) return ms
    throw new ConfigError(
      `remember({ ${name}: ${show(given[name])} }) is longer than the option remember.${name} (${mostMs} ms).`,
    )
  }
  return { idleMs: choose('idle', longest.idleMs), absoluteMs: choose('absolute', longest.absoluteMs) }
}
