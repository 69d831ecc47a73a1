import fc from 'fast-check'
import { failureFrame } from '../../packages/peer/src/failures.js'
import { SessionTooLargeError, StoreUnavailableError } from '@holdfast/core'
import { replyFrame, requestFrame } from '../../packages/peer/src/wire.js'
import { OPS, replies, requests } from './messages.js'

/** Numbers from 0 up to `below`, the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** Frames of all kinds, as nodes send them. */
export function validFrames(seed: number, ofEach: number): readonly Buffer[] {
  const settings = { seed, numRuns: ofEach }
  return [
    ...fc.sample(requests, { seed, numRuns: ofEach * OPS.length }).map((request, id) => requestFrame(id, request)),
    ...OPS.flatMap((op) => fc.sample(replies[op], settings).map((reply, id) => replyFrame(id, op, reply))),
    failureFrame(1, new StoreUnavailableError('memory: it is closed.', { refused: true })),
    failureFrame(2, new SessionTooLargeError(3, 2)),
    failureFrame(3, new TypeError('no')),
  ]
}

/** Bytes that mean something at the start of a value: nil, booleans, bytes, extensions, numbers, texts, arrays, maps. */
const HEADS = Array.from({ length: 0x40 }, (_, at) => 0xc0 + at).concat(0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0x00, 0x7f)

type Mutation = (frame: Buffer, random: (below: number) => number, other: Buffer) => Buffer

const changed = (frame: Buffer, at: number, byte: number): Buffer => {
  const copy = Buffer.from(frame)
  copy[at] = byte
  return copy
}

const MUTATIONS: readonly Mutation[] = [
  function flipBit(frame, random) {
    const at = random(frame.length)
    return changed(frame, at, (frame[at] as number) ^ (1 << random(8)))
  },
  function anyByte(frame, random) {
    return changed(frame, random(frame.length), random(256))
  },
  function head(frame, random) {
    return changed(frame, random(frame.length), HEADS[random(HEADS.length)] as number)
  },
  function cut(frame, random) {
    return frame.subarray(0, random(frame.length))
  },
  function cutOut(frame, random) {
    const [from, length] = [random(frame.length), 1 + random(20)]
    return Buffer.concat([frame.subarray(0, from), frame.subarray(from + length)])
  },
  function insert(frame, random) {
    const at = random(frame.length)
    const noise = Buffer.from(Array.from({ length: 1 + random(9) }, () => random(256)))
    return Buffer.concat([frame.subarray(0, at), noise, frame.subarray(at)])
  },
  function swap(frame, random) {
    const [one, another] = [random(frame.length), random(frame.length)]
    return changed(changed(frame, one, frame[another] as number), another, frame[one] as number)
  },
  function splice(frame, random, other) {
    return Buffer.concat([frame.subarray(0, random(frame.length)), other.subarray(random(other.length))])
  },
  function manyLengths(frame, random) {
    const copy = Buffer.from(frame)
    copy.fill(0xff, random(frame.length)).fill(0xdd, random(frame.length), frame.length)
    return copy
  },
  function length(frame, random) {
    if (frame.length < 4) return frame
    const copy = Buffer.from(frame)
    copy.writeUInt32BE(random(4) === 0 ? random(2 ** 32) : random(2 * frame.length))
    return copy
  },
]

/** The frame with one to three things wrong. For two thirds its length is right again, so that its content is looked at. */
export function mutated(frame: Buffer, random: (below: number) => number, other: Buffer): Buffer {
  let result = frame
  for (let times = 1 + random(3); times > 0 && result.length > 0; times--)
    result = (MUTATIONS[random(MUTATIONS.length)] as Mutation)(result, random, other)
  if (random(3) === 0 || result.length < 5) return result
  const copy = Buffer.from(result)
  copy.writeUInt32BE(copy.length - 4)
  return copy
}
