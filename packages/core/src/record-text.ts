import type { SessionRecord } from './store.js'

/**
 * A record in one line, for stores that keep a text: `hf1 <expiresAt> <live|dead> <revision> <tag> <data>`, numbers with
 * 16 digits; `dead` is a tombstone. Without a line break: the library for Memcached would put a backslash before it.
 */
export function recordToText({ data, revision, tag, expiresAt }: SessionRecord): string {
  return `hf1 ${digits(expiresAt)} ${data === null ? 'dead' : 'live'} ${digits(revision)} ${tag} ${data ?? ''}`
}

/** 16 digits hold every safe integer. Fractions of a ms are cut, so that no record lives longer than stated. */
const digits = (value: number): string => String(Math.max(0, Math.floor(value))).padStart(16, '0')

const HEAD = /^hf1 (\d{16}) (live|dead) (\d{16}) (\S*) /

/**
 * The record that a text stands for, over or not. What `recordToText` did not write is no record and not absent either: it
 * is given with revision 0, no tag and no end, and core finds that it cannot be decoded.
 */
export function textToRecord(text: string): SessionRecord {
  const head = HEAD.exec(text)
  if (!head) return { data: text, revision: 0, tag: '', expiresAt: Number.MAX_SAFE_INTEGER }
  const [whole, expiresAt, kind, revision, tag = ''] = head
  const data = kind === 'dead' ? null : text.slice(whole.length)
  return { data, revision: Number(revision), tag, expiresAt: Number(expiresAt) }
}
