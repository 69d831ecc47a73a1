import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BrokenFrameError, FrameReader, toFrame } from './frames.js'

const bytes = (length: number, fill = 7): Buffer => Buffer.alloc(length, fill)
const frame = (content: Buffer): Buffer => toFrame(content, 0)
const reading = (reader: FrameReader, pieces: readonly Buffer[]): Buffer[] =>
  pieces.flatMap((piece) => [...reader.read(piece)])

const lengthOf = (length: number): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(length)
  return head
}

test('frames come out as they went in, however the stream is cut', () => {
  const contents = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(contents, fc.array(fc.nat(400), { maxLength: 40 }), (written, cuts) => {
      let rest = Buffer.concat(written.map((content) => frame(Buffer.from(content))))
      const pieces = cuts.map((at) => {
        const piece = rest.subarray(0, at)
        rest = rest.subarray(at)
        return piece
      })
      const read = reading(new FrameReader(300), [...pieces, rest])
      expect(read.map((content) => [...content])).toEqual(written.map((content) => [...content]))
    }),
  )
})

test('a large frame in small pieces is not copied again with each of them', () => {
  const whole = frame(bytes(2_000_000))
  const reader = new FrameReader(2_000_000)
  const startedAt = performance.now()
  const pieces = Array.from({ length: 2_000 }, (_, at) => whole.subarray(at * 1_001, (at + 1) * 1_001))
  expect(reading(reader, pieces).map(({ length }) => length)).toEqual([2_000_000])
  // Put together anew with each piece it would be 2 GB that are copied.
  expect(performance.now() - startedAt).toBeLessThan(200)
})

test('pieces of one byte make a frame too', () => {
  const whole = frame(bytes(5_000))
  const reader = new FrameReader(5_000)
  const pieces = Array.from(whole, (_, at) => whole.subarray(at, at + 1))
  expect(reading(reader, [...pieces, ...pieces])).toEqual([bytes(5_000), bytes(5_000)])
})

describe('a length above the limit, or none', () => {
  test.each([0, 301, 65_536, 0x7fff_ffff, 0xffff_ffff])('%d ends the reading', (length) => {
    expect(() => reading(new FrameReader(300), [lengthOf(length)])).toThrow(BrokenFrameError)
    const after = Buffer.concat([frame(bytes(3)), lengthOf(length)])
    const reader = new FrameReader(300).read(after)
    expect(reader.next().value).toEqual(bytes(3))
    expect(() => reader.next()).toThrow(`a frame says that it has ${length} bytes; it may have 1 to 300`)
  })

  test('memory is taken for what has come, not for what was announced', () => {
    const readers = Array.from({ length: 500 }, () => new FrameReader(2_000_000))
    const before = process.memoryUsage().arrayBuffers
    for (const reader of readers) expect(reading(reader, [lengthOf(2_000_000), bytes(10)])).toEqual([])
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000)
  })

  test('the limit counts for the next frame when it is raised', () => {
    const reader = new FrameReader(10)
    const read = reader.read(Buffer.concat([frame(bytes(10)), frame(bytes(20))]))
    read.next()
    reader.maxBytes = 20
    expect(read.next().value).toEqual(bytes(20))
  })
})
