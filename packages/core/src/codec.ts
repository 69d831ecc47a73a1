import { randomFillSync } from 'node:crypto'
import { isSealed } from './sealed-text.js'

/**
 * What a record's `data` holds: the text `header\ndata`. Times are ms since the epoch.
 * An envelope that `decode` made has getters on its prototype: name the fields, a spread would lose them.
 */
export interface Envelope {
  readonly createdAt: number
  readonly idleMs: number
  readonly absoluteAt: number
  /** `remember()` was called: the cookie has a Max-Age. */
  readonly persistent: boolean
  readonly user: string | undefined
  /** Tags of the last eight writes (sixteen after a join), newest first; the first is that of the record itself. */
  readonly tags: readonly string[]
  /**
   * Field → the revision that last changed it. Removed fields keep theirs, the newest 200 of them; a field without one is
   * as the first write made it, which saves most of the header of most sessions.
   */
  readonly stamps: ReadonlyMap<string, number>
  /** The JSON of the data: exactly what was encoded, unchecked (see `parseData`). */
  readonly text: string
}

/** The write that the deadlines and the user of a joined record come from. Only `join` sets it; any later write drops it. */
export interface Origin {
  readonly revision: number
  readonly tag: string
}

export type Decoded =
  | { readonly state: 'ok'; readonly envelope: Envelope; readonly origin: Origin | undefined }
  /** `reason` never contains anything from the record. */
  | { readonly state: 'undecodable'; readonly reason: string }
  /** Written by a later version of Holdfast, which this code must neither read nor replace. */
  | { readonly state: 'newer'; readonly version: number }

type Data = Readonly<Record<string, unknown>>

const VERSION = 1
const TAG_LENGTH = 8
const WRITES_REMEMBERED = 8
const REMOVED_REMEMBERED = 200

/** The stored header. Its keys are short because memory is paid per session. */
interface Header {
  readonly c: number
  readonly i: number
  readonly x: number
  readonly p?: 1
  readonly u?: string
  readonly t: string
  readonly s: Readonly<Record<string, number>>
  readonly o?: readonly [number, string]
}

/** The record's text. The version comes first, so that every later version is recognised by code that is older. */
export function encode(envelope: Envelope, origin?: Origin): string {
  let stamps = ''
  for (const [field, revision] of envelope.stamps) stamps += `${stamps && ','}${JSON.stringify(field)}:${revision}`
  const persistent = envelope.persistent ? ',"p":1' : ''
  const user = envelope.user === undefined ? '' : `,"u":${JSON.stringify(envelope.user)}`
  const from = origin ? `,"o":[${origin.revision},"${origin.tag}"]` : ''
  const times = `"c":${envelope.createdAt},"i":${envelope.idleMs},"x":${envelope.absoluteAt}`
  return `{"v":${VERSION},${times}${persistent}${user},"t":"${envelope.tags.join('')}","s":{${stamps}}${from}}\n${envelope.text}`
}

/** Reads a record's text. Every string gets an answer, none throws. The data itself is parsed later, by `parseData`. */
export function decode(data: string): Decoded {
  const version = versionOf(data)
  if (version === undefined) return undecodable(isSealed(data) ? NOT_OPENED : 'it does not begin with a version')
  if (version > VERSION) return { state: 'newer', version }
  const end = data.indexOf('\n')
  if (version < VERSION || end < 0) return undecodable('it has no header')
  const header = parseHeader(data.slice(0, end))
  if (typeof header === 'string') return undecodable(header)
  const origin = header.o && { revision: header.o[0], tag: header.o[1] }
  return { state: 'ok', envelope: new StoredEnvelope(header, data.slice(end + 1)), origin }
}

const NOT_OPENED = 'it is sealed, and encryptionKeys has no key that opens it'

const undecodable = (reason: string): Decoded => ({ state: 'undecodable', reason })

/** Decodes tags and stamps when they are asked for: a request that only reads needs neither (1.6 of 3.0 µs for six fields). */
class StoredEnvelope implements Envelope {
  readonly createdAt: number
  readonly idleMs: number
  readonly absoluteAt: number
  readonly persistent: boolean
  readonly user: string | undefined
  readonly text: string
  readonly #header: Header

  constructor(header: Header, text: string) {
    this.createdAt = header.c
    this.idleMs = header.i
    this.absoluteAt = header.x
    this.persistent = header.p === 1
    this.user = header.u
    this.text = text
    this.#header = header
  }

  get tags(): readonly string[] {
    const joined = this.#header.t
    return Array.from({ length: joined.length / TAG_LENGTH }, (_, at) => joined.substr(at * TAG_LENGTH, TAG_LENGTH))
  }

  get stamps(): ReadonlyMap<string, number> {
    return new Map(Object.entries(this.#header.s))
  }
}

/** The digits of `{"v":12,` or undefined. */
function versionOf(data: string): number | undefined {
  if (!data.startsWith('{"v":')) return undefined
  if (data.startsWith('1,', 5)) return 1
  const digits = /^\{"v":([1-9]\d{0,8})[,}]/.exec(data)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** The header, or what is wrong with it. */
function parseHeader(text: string): Header | string {
  let header: Partial<Record<keyof Header, unknown>>
  try {
    header = JSON.parse(text) as typeof header
  } catch {
    return 'its header is not JSON'
  }
  const { c, i, x, p, u, t, s, o } = header
  if (!isTime(c) || !isTime(i) || !isTime(x)) return 'its header has a wrong time'
  if (p !== undefined && p !== 1) return 'its header has a wrong persistent mark'
  if (u !== undefined && typeof u !== 'string') return 'its header has a wrong user'
  if (typeof t !== 'string' || t.length === 0 || t.length % TAG_LENGTH > 0) return 'its header has wrong tags'
  if (!isObject(s) || !hasRevisions(s)) return 'its header has wrong stamps'
  if (o !== undefined && !isOrigin(o)) return 'its header has a wrong origin'
  return header as Header
}

const isTime = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isOrigin = (value: unknown): boolean =>
  Array.isArray(value) && Number.isSafeInteger(value[0]) && typeof value[1] === 'string'

function hasRevisions(stamps: Record<string, unknown>): boolean {
  for (const field in stamps) if (!Number.isSafeInteger(stamps[field])) return false
  return true
}

const MAX_DEPTH = 2_000

/**
 * The data of an envelope, or undefined when the text is not a JSON object or nests deeper than 2,000 levels (on which
 * `JSON.stringify` overflows the stack from about 5,000). Keys that pollute prototypes are dropped at any depth:
 * `__proto__`, and `constructor` where it holds a `prototype`. A text without such words is parsed without a reviver.
 */
export function parseData(text: string): Record<string, unknown> | undefined {
  try {
    let data: unknown = JSON.parse(text)
    if (!isObject(data) || (text.length > 2 * MAX_DEPTH && isTooDeep(text, data))) return undefined
    if (maySpellPollution(text)) data = JSON.parse(text, dropPollution)
    return data as Record<string, unknown>
  } catch {
    return undefined
  }
}

/** True also for any `\u` escape, which may hide the words. `JSON.stringify` writes one only for control characters. */
const maySpellPollution = (text: string): boolean =>
  text.includes('\\u') || (text.includes('proto') && (text.includes('__proto__') || text.includes('prototype')))

function dropPollution(key: string, value: unknown): unknown {
  if (key === '__proto__') return undefined
  return key === 'constructor' && isObject(value) && Object.hasOwn(value, 'prototype') ? undefined : value
}

const isTooDeep = (text: string, data: unknown): boolean =>
  count(text, '{') + count(text, '[') > MAX_DEPTH && isDeeperThan(MAX_DEPTH, data)

function count(text: string, character: string): number {
  let found = 0
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) found += 1
  return found
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner))
}

/**
 * The JSON of one field, `''` where the data has none: two fields are equal when these are. What JSON drops (undefined,
 * functions) counts as absent.
 */
export const fieldText = (data: Data, field: string): string =>
  Object.hasOwn(data, field) ? (JSON.stringify(data[field]) ?? '') : ''

const isSameField = (a: Data, b: Data, field: string): boolean =>
  a[field] === b[field] || fieldText(a, field) === fieldText(b, field)

/** The stamps of the write `revision` that turns `previousData` into `nextData`; `previous` undefined: a new session. */
export function nextStamps(
  previous: Envelope | undefined,
  previousData: Data,
  nextData: Data,
  revision: number,
): ReadonlyMap<string, number> {
  if (!previous) return new Map()
  const stamps = new Map(previous.stamps)
  for (const field of new Set([...Object.keys(previousData), ...Object.keys(nextData)]))
    if (!isSameField(previousData, nextData, field)) stamps.set(field, revision)
  for (const field of removalsToForget(stamps, (name) => Object.hasOwn(nextData, name))) stamps.delete(field)
  return stamps
}

/** Of the fields that are gone, all but the 200 that were removed last. */
export function removalsToForget(
  stamps: ReadonlyMap<string, number>,
  isThere: (field: string) => boolean,
): readonly string[] {
  if (stamps.size <= REMOVED_REMEMBERED) return []
  const removed = [...stamps].filter(([field]) => !isThere(field))
  removed.sort(([fieldA, a], [fieldB, b]) => b - a || (fieldA < fieldB ? -1 : 1))
  return removed.slice(REMOVED_REMEMBERED).map(([field]) => field)
}

/** The tags of the next write: its own first, then those of the seven before it. */
export const nextTags = (previous: readonly string[], tag: string): readonly string[] => [
  tag,
  ...previous.slice(0, WRITES_REMEMBERED - 1),
]

const TAG_BYTES = 6
const pool = Buffer.allocUnsafeSlow(TAG_BYTES * 512)
let used = pool.length

/** 8 random characters of `[A-Za-z0-9_-]`: 48 bits, drawn from a pool. */
export function newTag(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += TAG_BYTES
  return pool.toString('base64url', used - TAG_BYTES, used)
}
