import { ConfigError } from './errors.js'
import { show } from './show.js'

/** What people who come from another library write first. */
const MOVED: Readonly<Record<string, string>> = {
  key: 'The name is cookie.name.',
  name: 'The name is cookie.name.',
  maxAge: 'Use idle and absolute, and remember() for a cookie that outlives the browser.',
  'cookie.maxAge': 'Use idle and absolute, and remember() for a cookie that outlives the browser.',
  'cookie.httpOnly': 'The cookie always is HttpOnly.',
}

/** Throws for options that do not exist: a misspelt deadline must not become the default one. */
export function refuseUnknown(prefix: string, unknown: object): void {
  const [name] = Object.keys(unknown)
  if (name === undefined) return
  const option = prefix + name
  throw new ConfigError(`There is no option ${option}. ${MOVED[option] ?? 'Look for a misspelt name.'}`)
}

export function objectOf<T extends object>(option: string, value: T | undefined): Partial<T> {
  if (value === undefined) return {}
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw wrong(option, value, 'an object')
}

export function functionOf<F>(option: string, value: F | undefined): F | undefined {
  if (value === undefined || typeof value === 'function') return value
  throw wrong(option, value, 'a function')
}

export function oneOf<Choice extends string>(
  option: string,
  value: unknown,
  choices: readonly Choice[],
): Choice | undefined {
  if (value === undefined) return undefined
  const choice = choices.find((candidate) => candidate === value)
  if (choice !== undefined) return choice
  throw wrong(option, value, choices.map(show).join(' or '))
}

export function matching(option: string, value: unknown, pattern: RegExp, wanted: string): string {
  if (typeof value === 'string' && pattern.test(value)) return value
  throw wrong(option, value, wanted)
}

export function wholeNumber(option: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  throw wrong(option, value, `a whole number from ${least} to ${most}`)
}

/** The error that names the option, prints its value and says what to give instead. */
export const wrong = (option: string, value: unknown, wanted: string): ConfigError =>
  new ConfigError(`${option} is ${show(value)}. Give ${wanted}.`)
