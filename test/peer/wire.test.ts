import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseFailure, parseTooLarge } from '../../packages/peer/src/failures.js'
import { BadMessageError, readFields } from '../../packages/peer/src/fields.js'
import { BrokenFrameError, FrameReader } from '../../packages/peer/src/frames.js'
import { FRAME_BYTES } from '../../packages/peer/src/limits.js'
import type { PeerRequest } from '../../packages/peer/src/messages.js'
import { KIND, parseReply, parseRequest, replyFrame, requestFrame } from '../../packages/peer/src/wire.js'
import { OPS, replies, requests } from './messages.js'
import { mutated, randomNumbers, validFrames } from './mutations.js'
import { isReplyTo, isRequest } from './shapes.js'

/** Id and kind, and the message where it is a request, or a reply to `asked`. */
function parse(content: Uint8Array, asked: PeerRequest['op'] = 'read') {
  return readFields(content, (fields) => {
    const id = fields.whole('id')
    const kind = fields.whole('kind')
    if (kind === KIND.request) return { id, kind, message: parseRequest(fields) }
    if (kind === KIND.reply) return { id, kind, message: parseReply(asked, fields) }
    return { id, kind, message: kind === KIND.failure ? parseFailure('p', fields) : parseTooLarge(fields) }
  })
}

const contentOf = (frame: Buffer): Buffer => {
  expect(frame.readUInt32BE()).toBe(frame.length - 4)
  return frame.subarray(4)
}

describe('messages arrive as they were sent', () => {
  test('requests', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), requests, (id, request) => {
        expect(parse(contentOf(requestFrame(id, request)))).toEqual({ id, kind: KIND.request, message: request })
        expect(isRequest(request)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  test.each(OPS)('replies to %s', (op) => {
    fc.assert(
      fc.property(fc.maxSafeNat(), replies[op], (id, reply) => {
        expect(parse(contentOf(replyFrame(id, op, reply)), op)).toEqual({ id, kind: KIND.reply, message: reply })
        expect(isReplyTo[op]?.(reply)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('what stores note beside a record stays at home', () => {
    const record = { data: 'x', revision: 1, tag: 'abcdefgh', expiresAt: 5 }
    const request = { op: 'write', key: 'k', record: { ...record, token: 'cas' }, condition: 'newer' } as const
    expect(parse(contentOf(requestFrame(1, request))).message).toEqual({ ...request, record })
  })
})

test('the bytes of version 1: other bytes need another version', () => {
  const record = { data: '{}', revision: Number.MAX_SAFE_INTEGER, tag: 'abcdefgh', expiresAt: 1_800_000_000_000 }
  const time = 'cf000001a3185c5000'
  const stored = `c4027b7dcf001fffffffffffffa86162636465666768${time}`
  const hex = (frame: Buffer): string => frame.toString('hex')
  expect(hex(requestFrame(1, { op: 'read', key: 'k' }))).toBe('00000009' + '0100a472656164a16b')
  expect(hex(replyFrame(300, 'read', { isFilling: false, record }))).toBe('00000025' + `cd012c01c2c3${stored}`)
  expect(hex(requestFrame(2, { op: 'write', key: 'k', record, condition: { replaces: record } }))).toBe(
    '00000051' + `0200a57772697465a16b${stored}a87265706c61636573${stored}`,
  )
  expect(hex(replyFrame(2, 'write', { written: false, current: undefined }))).toBe('00000004' + '0201c2c2')
})

describe('100,000 frames with something wrong', () => {
  const SEED = 20_260_101
  const FRAMES = 100_000

  test('do not crash, do not take more memory than they have bytes, and what passes is of its type', () => {
    const frames = validFrames(SEED, 40)
    const random = randomNumbers(SEED)
    const any = (): Buffer => frames[random(frames.length)] as Buffer
    const seen = { passed: 0, dropped: 0, broken: 0, unfinished: 0 }
    const heapBefore = process.memoryUsage().rss
    for (let at = 0; at < FRAMES; at++) {
      const bytes = mutated(any(), random, any())
      const asked = OPS[at % OPS.length] as PeerRequest['op']
      try {
        const contents = [...new FrameReader(FRAME_BYTES).read(bytes)]
        if (contents.length === 0) seen.unfinished += 1
        for (const content of contents) {
          const { kind, message } = parse(content, asked)
          const isRight =
            kind === KIND.request
              ? isRequest(message)
              : kind === KIND.reply
                ? isReplyTo[asked]?.(message)
                : message instanceof Error
          if (!isRight) expect.fail(`frame ${at}, ${bytes.toString('hex')}, became ${JSON.stringify(message)}`)
          seen.passed += 1
        }
      } catch (error) {
        if (error instanceof BadMessageError) seen.dropped += 1
        else if (error instanceof BrokenFrameError) seen.broken += 1
        else throw error
      }
    }
    expect(process.memoryUsage().rss - heapBefore).toBeLessThan(300 * 1024 * 1024)
    // All that can happen did.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(1_000)
  }, 60_000)
})
