import { ConfigError } from './errors.js'
import { show } from './show.js'

/** Milliseconds, or a number with its unit: `'500ms'`, `'30s'`, `'30m'`, `'12h'`, `'90d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Ten years, leap days included: the longest deadline that stores are tested with. */
const LONGEST_MS = 3_653 * 86_400_000

/** The duration in whole ms, from 1 ms to ten years. Anything else is a `ConfigError` that names `option`. */
export function toMs(value: unknown, option: string): number {
  const ms = Math.round(typeof value === 'string' ? parse(value) : typeof value === 'number' ? value : NaN)
  if (ms >= 1 && ms <= LONGEST_MS) return ms
  throw new ConfigError(
    `${option} is ${show(value)}. Give a duration from 1 ms to 10 years: a number of milliseconds, or a text like '500ms', '30s', '30m', '12h', '90d'.`,
  )
}

function parse(text: string): number {
  const [, amount, unit = ''] = DURATION.exec(text) ?? []
  return Number(amount) * (UNIT_MS[unit] ?? NaN)
}
