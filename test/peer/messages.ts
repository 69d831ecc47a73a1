import fc from 'fast-check'
import type { SessionRecord } from '@holdfast/core'
import type { PeerReplies, PeerRequest } from '../../packages/peer/src/messages.js'

type Op = PeerRequest['op']

const object = <T>(model: { [Name in keyof T]: fc.Arbitrary<T[Name]> }) => fc.record(model, { noNullPrototype: true })
/** Minus zero arrives as zero. */
const finite = fc
  .oneof(fc.integer(), fc.maxSafeInteger(), fc.double({ noNaN: true, noDefaultInfinity: true }))
  .map((number) => number + 0)
const revision = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.constant(Number.MAX_SAFE_INTEGER),
  fc.maxSafeNat().map((at) => at || 1),
)
const letters = fc.constantFrom(...'abcXYZ019_-')
const key = fc.string({ unit: letters, minLength: 1, maxLength: 64 })
const tag = fc.string({ unit: letters, minLength: 8, maxLength: 8 })
const name = fc.constantFrom('10.0.0.1:7946', 'node-b.internal:80', '[2001:db8::1]:65535')
const text = fc.string({ unit: 'grapheme', maxLength: 60 })
const index = fc.nat(65_535)
const list = <T>(element: fc.Arbitrary<T>) => fc.array(element, { maxLength: 20 })

const record: fc.Arbitrary<SessionRecord> = object({
  data: fc.option(fc.oneof(text, fc.string({ unit: 'grapheme', minLength: 200, maxLength: 400 })), { nil: null }),
  revision,
  tag,
  expiresAt: finite,
})
const writeId = object({ revision, tag })
const condition = fc.oneof(
  fc.constantFrom('absent' as const, 'newer' as const),
  writeId.map((replaces) => ({ replaces })),
)
const current = fc.option(record, { nil: undefined })
const outcome = fc.oneof(
  fc.constant({ written: true as const }),
  current.map((found) => ({ written: false as const, current: found })),
)
const introduction = { boot: text, list: text, clock: finite, isLeaving: fc.boolean() }
const op = <const Of extends Op>(of: Of) => fc.constant(of)

/** Every request that there is, with any content. */
export const requests: fc.Arbitrary<PeerRequest> = fc.oneof(
  object({ op: op('ping'), ...introduction }),
  object({ op: op('read'), key }),
  object({ op: op('write'), key, record, condition }),
  object({ op: op('touch'), key, write: writeId, expiresAt: finite }),
  object({ op: op('bypassed'), key, nodes: list(name) }),
  object({ op: op('compare'), sums: list(finite) }),
  object({ op: op('offer'), offers: list(object({ key, revision, tag, expiresAt: finite })) }),
  object({ op: op('push'), records: list(fc.tuple(key, record)) }),
  object({ op: op('swept'), boot: text, known: list(name) }),
)

/** Every reply that there is, by what was asked. */
export const replies: { readonly [Of in Op]: fc.Arbitrary<PeerReplies[Of]> } = {
  ping: object({ ...introduction, hasLease: fc.boolean() }),
  read: object({ record: current, isFilling: fc.boolean() }),
  write: outcome,
  touch: outcome,
  bypassed: object({ waitMs: finite }),
  compare: object({ differing: list(index) }),
  offer: object({ wanted: list(index) }),
  push: fc.constant({}),
  swept: fc.constant({}),
}

export const OPS = Object.keys(replies) as readonly Op[]
