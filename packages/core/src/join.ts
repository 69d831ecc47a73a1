import { createHash } from 'node:crypto'
import { decode, encode, type Envelope, fieldText, type Origin, parseData, removalsToForget } from './codec.js'
import { isNewer, isSameWrite, isTombstone, type SessionRecord } from './store.js'

/**
 * What two copies of one session say together; the same on every node, whatever the order, without a common ancestor.
 * A tombstone beats a record. Else each field is the one with the higher stamp, equal stamps go by the text of the value
 * (`''`: removed), and deadlines and user are those of the later write (revision, then tag). Of two tombstones, and of two
 * copies of one write, the one that ends later.
 *
 * A record that already says all that is the result itself, unless the other is newer in the store's order: then, and
 * where each has something of its own, the result is a new write, `revision` one above both, `tag` derived from the content.
 * Commutative, idempotent and associative in fields, stamps, deadlines and user; revision, tag and the list of tags of a
 * new write depend on the order, and records that differ in nothing else join to the newer one.
 */
export function join(a: SessionRecord, b: SessionRecord): SessionRecord {
  if (isTombstone(a) || isTombstone(b)) return laterEnd(tombstoneOf(a, b), tombstoneOf(b, a))
  if (isSameWrite(a, b) && a.data === b.data) return laterEnd(a, b)
  const [left, right] = [contentOf(a), contentOf(b)]
  if (left.state !== right.state) return RANK[left.state] > RANK[right.state] ? a : b
  const newer = isLater(b, a) ? right : left
  if (left.state !== 'ok' || right.state !== 'ok' || newer.state !== 'ok') return newer.record
  const union = unite(left, right)
  return contains(newer, union) ? newer.record : newWrite(left, right, union)
}

const tombstoneOf = (record: SessionRecord, other: SessionRecord): SessionRecord =>
  isTombstone(record) ? record : other

function laterEnd(a: SessionRecord, b: SessionRecord): SessionRecord {
  if (a.expiresAt !== b.expiresAt) return a.expiresAt > b.expiresAt ? a : b
  return isLater(b, a) ? b : a
}

/** The store's order made total: one write with two texts is a damaged copy. */
const isLater = (a: SessionRecord, b: SessionRecord): boolean =>
  isNewer(a, b) || (!isNewer(b, a) && (a.data ?? '') > (b.data ?? ''))

/**
 * A record of a later version stays as it is: this code cannot tell what it would take from it. An undecodable one gives
 * way to any that still holds the login.
 */
const RANK = { undecodable: 0, ok: 1, newer: 2 } as const

/** The stamp that is not written down. */
const FIRST_WRITE = 1

interface Field {
  readonly stamp: number
  readonly text: string
}

interface Said {
  readonly fields: ReadonlyMap<string, Field>
  /** Whose deadlines and user these are. */
  readonly envelope: Envelope
  readonly origin: Origin
  readonly expiresAt: number
}

type Content =
  | (Said & { readonly state: 'ok'; readonly record: SessionRecord })
  | { readonly state: 'undecodable' | 'newer'; readonly record: SessionRecord }
type Readable = Extract<Content, { state: 'ok' }>

function contentOf(record: SessionRecord): Content {
  const decoded = decode(record.data ?? '')
  if (decoded.state !== 'ok') return { state: decoded.state, record }
  const { envelope, origin = record } = decoded
  const data = parseData(envelope.text)
  if (!data) return { state: 'undecodable', record }
  const { stamps } = envelope
  const fields = new Map<string, Field>()
  for (const name of new Set([...stamps.keys(), ...Object.keys(data)]))
    fields.set(name, { stamp: stamps.get(name) ?? FIRST_WRITE, text: fieldText(data, name) })
  return { state: 'ok', record, fields, envelope, origin, expiresAt: record.expiresAt }
}

/** Field by field the later one; deadlines and user as a whole. The order of names is that of the alphabet, for every node. */
function unite(a: Said, b: Said): Said {
  const fields = new Map<string, Field>()
  for (const name of [...new Set([...a.fields.keys(), ...b.fields.keys()])].sort())
    fields.set(name, laterField(a.fields.get(name), b.fields.get(name)))
  for (const name of removalsToForget(stampsOf(fields), (field) => fields.get(field)?.text !== '')) fields.delete(name)
  const { envelope, origin, expiresAt } = isLaterWrite(b, a) ? b : a
  return { fields, envelope, origin, expiresAt }
}

function laterField(a: Field | undefined, b: Field | undefined): Field {
  if (!a || !b) return (a ?? b) as Field
  if (a.stamp !== b.stamp) return a.stamp > b.stamp ? a : b
  return a.text > b.text ? a : b
}

function isLaterWrite(a: Said, b: Said): boolean {
  if (a.origin.revision !== b.origin.revision) return a.origin.revision > b.origin.revision
  if (a.origin.tag !== b.origin.tag) return a.origin.tag > b.origin.tag
  return a.expiresAt > b.expiresAt
}

/** `union` holds all that `one` says; the question is whether that is all it holds. */
function contains(one: Said, union: Said): boolean {
  if (isLaterWrite(union, one)) return false
  for (const [name, { stamp, text }] of union.fields) {
    const own = one.fields.get(name)
    if (own?.stamp !== stamp || own.text !== text) return false
  }
  return true
}

function newWrite(a: Readable, b: Readable, union: Said): SessionRecord {
  const { origin, expiresAt } = union
  const { createdAt, idleMs, absoluteAt, persistent, user } = union.envelope
  const envelope: Envelope = {
    ...{ createdAt, idleMs, absoluteAt, persistent, user },
    tags: unitedTags(a, b),
    stamps: stampsOf(union.fields),
    text: textOf(union.fields),
  }
  const revision = Math.max(a.record.revision, b.record.revision) + 1
  const tag = digest(`${revision} ${expiresAt} ${encode(envelope, origin)}`)
  return { data: encode({ ...envelope, tags: [tag, ...envelope.tags] }, origin), revision, tag, expiresAt }
}

const stampsOf = (fields: ReadonlyMap<string, Field>): ReadonlyMap<string, number> =>
  new Map([...fields].flatMap(([name, { stamp }]) => (stamp === FIRST_WRITE ? [] : [[name, stamp]])))

function textOf(fields: ReadonlyMap<string, Field>): string {
  const present = [...fields].filter(([, { text }]) => text !== '')
  return `{${present.map(([name, { text }]) => `${JSON.stringify(name)}:${text}`).join(',')}}`
}

/** Both lists, the tags of later writes first: the n-th tag of a record belongs to about the n-th revision before it. */
function unitedTags(a: Readable, b: Readable): readonly string[] {
  const revisions = new Map<string, number>()
  for (const { record, envelope } of [a, b])
    for (const [age, tag] of envelope.tags.entries())
      revisions.set(tag, Math.max(record.revision - age, revisions.get(tag) ?? 0))
  const sorted = [...revisions].sort(([tagA, x], [tagB, y]) => y - x || (tagA < tagB ? -1 : 1))
  return sorted.slice(0, JOINED_TAGS - 1).map(([tag]) => tag)
}

const JOINED_TAGS = 16

/** Like a random tag, but the same wherever the same two records are joined. */
const digest = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 8)
