import { inspect } from 'node:util'

/** A value as an error message prints it: on one line, short, never what lies deeper than its first level. */
export const show = (value: unknown): string =>
  inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: 80, maxArrayLength: 8 })
