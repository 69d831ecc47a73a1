import type { SessionRecord } from '@holdfast/core'

/**
 * What stands in Redis for a record: `hf1 <expiresAt> <live|dead> <revision> <tag>\n<data>`, numbers with 16 digits. The
 * deadline is at bytes 4 to 19, so that a touch overwrites it in place; `dead` is a tombstone.
 */
export const encode = ({ data, revision, tag, expiresAt }: SessionRecord): string =>
  data === null
    ? `hf1 ${digits(expiresAt)} dead ${digits(revision)} ${tag}\n`
    : `hf1 ${digits(expiresAt)} live ${digits(revision)} ${tag}\n${data}`

/** 16 digits hold every safe integer. Fractions of a ms are cut, so that no record lives longer than stated. */
export const digits = (value: number): string => String(Math.max(0, Math.floor(value))).padStart(16, '0')

const REVISION_AT = 26
const TAG_AT = 43

/**
 * The record that a value stands for, over or not. Text that this package did not write is no record and not absent
 * either: it is given with revision 0 and without a tag, and core finds that it cannot be decoded.
 */
export function decode(text: string): SessionRecord {
  const end = text.indexOf('\n', TAG_AT)
  const expiresAt = digitsAt(text, 4)
  const revision = digitsAt(text, REVISION_AT)
  const isLive = text.startsWith(' live ', 20)
  if (end < 0 || !(expiresAt >= 0 && revision >= 0) || !hasShape(text, isLive)) return foreign(text)
  return { data: isLive ? text.slice(end + 1) : null, revision, tag: text.slice(TAG_AT, end), expiresAt }
}

/** What stands for a value that is not ours; it never ends by itself. */
export const foreign = (data: string): SessionRecord => ({
  data,
  revision: 0,
  tag: '',
  expiresAt: Number.MAX_SAFE_INTEGER,
})

const hasShape = (text: string, isLive: boolean): boolean =>
  text.startsWith('hf1 ') && (isLive || text.startsWith(' dead ', 20)) && text.charCodeAt(TAG_AT - 1) === SPACE

const SPACE = 32
const ZERO = 48

/** NaN where there are not 16 digits. Not `Number()`: it takes blanks, signs and `1e5` too. */
function digitsAt(text: string, start: number): number {
  let value = 0
  for (let i = start; i < start + 16; i++) {
    const digit = text.charCodeAt(i) - ZERO
    if (!(digit >= 0 && digit <= 9)) return NaN
    value = value * 10 + digit
  }
  return value
}
