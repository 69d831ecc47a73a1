import { decode, encode, type Envelope, newTag, nextStamps, nextTags, parseData } from './codec.js'
import { SessionConflictError, SessionGoneError, SessionTooLargeError, StoreUnavailableError } from './errors.js'
import { join } from './join.js'
import { mergeData } from './merge.js'
import { type SessionRecord, TOMBSTONE_REVISION } from './store.js'

/** A live record and what its text says. */
export interface Snapshot {
  readonly record: SessionRecord
  readonly envelope: Envelope
}

/** What the next record will say; core adds tags and stamps when it is written. */
export type Draft = Omit<Envelope, 'tags' | 'stamps'>

/** What one request changed, against the snapshot that it worked on. */
export interface Change {
  readonly base: Snapshot
  /** The JSON of the data that it started from: that of `base`, or after a `save()` what was saved. */
  readonly baseText: string
  /** The JSON of its data now. */
  readonly text: string
  /** Another life, from `remember()` or a login; another user, from `bindUser()`. */
  readonly header: Partial<Omit<Draft, 'text'>>
}

export interface ChangeLimits {
  readonly rejectFields: ReadonlySet<string>
  readonly maxBytes: number
}

/** Puts a change over a draft, field by field; throws what makes this one change impossible. */
export function applyChange(draft: Draft, change: Change, limits: ChangeLimits): Draft {
  const text = mergeText(draft.text, change, limits.rejectFields)
  assertSize(text, limits.maxBytes)
  return { ...draft, ...change.header, text }
}

function mergeText(theirs: string, { baseText: base, text: mine }: Change, rejectFields: ReadonlySet<string>): string {
  if (theirs === base) return mine
  if (mine === base) return theirs
  const { data, conflicts } = mergeData(dataOf(base), dataOf(mine), dataOf(theirs))
  const rejected = conflicts.find((field) => rejectFields.has(field))
  if (rejected !== undefined) throw rejectedField(rejected)
  return JSON.stringify(data)
}

export const rejectedField = (field: string): SessionConflictError =>
  new SessionConflictError(
    `Another request changed the session field ${JSON.stringify(field)}, and merge['${field}'] is 'reject'.`,
  )

export function assertSize(text: string, maxBytes: number): void {
  if (isTooLarge(text, maxBytes)) throw new SessionTooLargeError(Buffer.byteLength(text), maxBytes)
}

export const isTooLarge = (text: string, maxBytes: number): boolean =>
  text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes

export const dataOf = (text: string): Record<string, unknown> => parseData(text) ?? {}

/** The record that follows `previous` (`undefined`: the first one of its key) and says what the draft says. */
export function nextSnapshot(previous: Snapshot | undefined, draft: Draft, now: number): Snapshot {
  const revision = (previous?.record.revision ?? 0) + 1
  const tag = newTag()
  const before = previous ? dataOf(previous.envelope.text) : {}
  const envelope: Envelope = {
    ...draft,
    tags: nextTags(previous?.envelope.tags ?? [], tag),
    stamps: nextStamps(previous?.envelope, before, dataOf(draft.text), revision),
  }
  const record = { data: encode(envelope), revision, tag, expiresAt: deadline(draft, now) }
  return { record, envelope }
}

/** When a session ends that is used now. */
export const deadline = ({ idleMs, absoluteAt }: Pick<Envelope, 'idleMs' | 'absoluteAt'>, now: number): number =>
  Math.min(now + idleMs, absoluteAt)

/**
 * Counted from the beginning of a tenth of the idle time, not from now: servers that touch at the same time agree, so the
 * store moves the deadline once. At least nine tenths of the idle time are left then.
 */
export function touchedDeadline(envelope: Pick<Envelope, 'idleMs' | 'absoluteAt'>, now: number): number {
  const tenth = Math.max(1, Math.floor(envelope.idleMs / 10))
  return deadline(envelope, now - (now % tenth))
}

/** Whether a request that changed nothing moves the deadline: once less than nine tenths of the idle time are left. */
export const isTouchDue = ({ record, envelope }: Snapshot, now: number): boolean =>
  record.expiresAt - now < 0.9 * envelope.idleMs && touchedDeadline(envelope, now) > record.expiresAt

export const tombstone = (expiresAt: number): SessionRecord => ({
  data: null,
  revision: TOMBSTONE_REVISION,
  tag: newTag(),
  expiresAt,
})

/** Throws `SessionGoneError` for a tombstone or an undecodable record, `StoreUnavailableError` for one of a newer version. */
export function snapshotOf(record: SessionRecord): Snapshot {
  if (record.data === null) throw new SessionGoneError()
  const decoded = decode(record.data)
  if (decoded.state === 'ok') return { record, envelope: decoded.envelope }
  if (decoded.state === 'newer') throw newerVersion(decoded.version)
  throw new SessionGoneError('The stored session cannot be decoded; its record stays as it is.')
}

export const newerVersion = (version: number): StoreUnavailableError =>
  new StoreUnavailableError(
    `The session was written by a newer version of Holdfast (record version ${version}); this one leaves it as it is.`,
  )

/**
 * What the next write builds on after a conflict: what stands there, or, where the store has lost writes that this
 * process knows (`known` is not an ancestor of it), the join of both, so that nothing acknowledged is taken back.
 */
export function continueFrom(
  current: Snapshot,
  known: Snapshot,
): { readonly content: Snapshot; readonly lost: boolean } {
  if (descends(current, known)) return { content: current, lost: false }
  return { content: snapshotOf(join(current.record, known.record)), lost: true }
}

/** Of two snapshots the one that was built on the other; their join where neither was, because the store lost writes. */
export function latest(known: Snapshot | undefined, other: Snapshot): Snapshot {
  if (!known || known === other || descends(other, known)) return other
  return continueFrom(known, other).content
}

/** A record carries the tags of its last eight writes; what is further behind is taken for an ancestor. */
const descends = (current: Snapshot, known: Snapshot): boolean =>
  current.envelope.tags.includes(known.record.tag) || current.record.revision - known.record.revision >= 8
