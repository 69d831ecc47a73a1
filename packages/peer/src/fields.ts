import { isUtf8 } from 'node:buffer'
import { Decoder, Encoder } from '@msgpack/msgpack'
import { KEY_PATTERN, SessionTooLargeError, type SessionRecord } from '@holdfast/core'
import { BrokenFrameError, toFrame } from './frames.js'
import { FRAME_BYTES, LIST_LENGTH } from './limits.js'
import { isPeerName } from './peer-name.js'

/** The text of a record travels as bytes: it may be large, and each character has to arrive. */
export type Field = string | number | boolean | null | Uint8Array

/** A frame was whole, but it does not say what such a message has to say. */
export class BadMessageError extends Error {}

const TAG_LENGTH = 8
const TEXT_LENGTH = 500

const encoder = new Encoder()

/**
 * No array, map or extension is read: a frame is a row of plain values. So it has no depth, and there is no size in it for
 * which memory would be taken before its content is there.
 */
const decoder = new Decoder({
  maxStrLength: 4 * TEXT_LENGTH,
  maxBinLength: FRAME_BYTES,
  maxArrayLength: 0,
  maxMapLength: 0,
  maxExtLength: 0,
  keyDecoder: null,
})

/** Throws `SessionTooLargeError` for what is above the limit of a frame. */
export function frameOf(fields: readonly Field[]): Buffer {
  let least = 0
  for (const field of fields) if (typeof field === 'string' || field instanceof Uint8Array) least += field.length
  assertFits(least)
  const array = encoder.encodeSharedRef(fields)
  const head = arrayHeadBytes(fields.length)
  assertFits(array.length - head)
  return toFrame(array, head)
}

function assertFits(bytes: number): void {
  if (bytes > FRAME_BYTES) throw new SessionTooLargeError(bytes, FRAME_BYTES)
}

/** MessagePack: the length of an array stands in the first byte, in two more or in four more. */
const arrayHeadBytes = (length: number): number => (length < 16 ? 1 : length < 65_536 ? 3 : 5)

export const recordFields = ({ data, revision, tag, expiresAt }: SessionRecord): Field[] => [
  data === null ? null : Buffer.from(data),
  revision,
  tag,
  expiresAt,
]

export function listFields<T>(elements: readonly T[], fieldsOf: (element: T) => readonly Field[]): Field[] {
  if (elements.length > LIST_LENGTH)
    throw new RangeError(`A list of ${elements.length} is too long for one message; send at most ${LIST_LENGTH}.`)
  const fields: Field[] = [elements.length]
  for (const element of elements) fields.push(...fieldsOf(element))
  return fields
}

export const shortText = (text: string): string => text.slice(0, TEXT_LENGTH)

/**
 * Reads the fields of a frame, one after the other, each of the type that is asked for; `parse` has to read all of them.
 * Throws `BadMessageError` at one of another type, `BrokenFrameError` where there is none.
 */
export function readFields<T>(frame: Uint8Array, parse: (fields: Fields) => T): T {
  const values = decoder.decodeMulti(frame)
  try {
    return parse(new Fields(values))
  } finally {
    values.return()
  }
}

export class Fields {
  readonly #values: Iterator<unknown, void>

  constructor(values: Iterator<unknown, void>) {
    this.#values = values
  }

  /** Any text of up to 500 characters. */
  text(what: string): string {
    return this.#checked(what, (value) => typeof value === 'string' && value.length <= TEXT_LENGTH)
  }

  key(): string {
    return this.#checked('key', (value) => typeof value === 'string' && KEY_PATTERN.test(value))
  }

  /** The name of a node, `host:port`. */
  name(what: string): string {
    return this.#checked(what, (value) => typeof value === 'string' && isPeerName(value))
  }

  /** A name, or nothing. */
  maybeName(what: string): string {
    return this.#checked(what, (value) => typeof value === 'string' && (value === '' || isPeerName(value)))
  }

  flag(what: string): boolean {
    return this.#checked(what, (value) => typeof value === 'boolean')
  }

  finite(what: string): number {
    return this.#checked(what, Number.isFinite)
  }

  whole(what: string, least = 0): number {
    return this.#checked(what, (value) => Number.isSafeInteger(value) && (value as number) >= least)
  }

  record(): SessionRecord {
    return {
      data: this.#data(),
      revision: this.whole('revision', 1),
      tag: this.tag(),
      expiresAt: this.finite('expiresAt'),
    }
  }

  tag(): string {
    return this.#checked('tag', (value) => typeof value === 'string' && value.length === TAG_LENGTH)
  }

  /** The list grows as its elements are read: a large number in front takes no memory. */
  list<T>(what: string, parse: () => T): T[] {
    const length = this.whole(what)
    if (length > LIST_LENGTH) throw new BadMessageError(`its ${what} are ${length}, more than ${LIST_LENGTH}`)
    const elements: T[] = []
    while (elements.length < length) elements.push(parse())
    return elements
  }

  end(): void {
    if (!this.#next().done) throw new BadMessageError('it has more fields than it should')
  }

  #data(): string | null {
    const bytes: Uint8Array | null = this.#checked(
      'data',
      (value) => value === null || (value instanceof Uint8Array && isUtf8(value)),
    )
    return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  }

  #checked<T>(what: string, isRight: (value: unknown) => boolean): T {
    const { done, value } = this.#next()
    if (!done && isRight(value)) return value as T
    throw new BadMessageError(done ? `it ends before its ${what}` : `its ${what} is wrong`)
  }

  #next(): IteratorResult<unknown, void> {
    try {
      return this.#values.next()
    } catch (cause) {
      throw new BrokenFrameError('a frame is not made of MessagePack values', { cause })
    }
  }
}
