import { inspect } from 'node:util'

/** A value as an error message prints it: short, on one line; of an object its kind only, as a password may be in it. */
export const show = (value: unknown): string =>
  inspect(value, { depth: -1, breakLength: Infinity, maxStringLength: 80 })
