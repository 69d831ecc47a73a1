import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decode, encode, type Envelope, newTag, nextStamps, nextTags, parseData } from './codec.js'
import { join } from './join.js'
import { isNewer, type SessionRecord, TOMBSTONE_REVISION } from './store.js'

type Data = Record<string, unknown>

const runs = { numRuns: Number(process.env['HOLDFAST_RUNS'] ?? 1_000) }

const envelopeOf = (record: SessionRecord): Envelope => {
  const decoded = decode(record.data ?? '')
  if (decoded.state !== 'ok') throw new Error(`expected a readable record, got ${decoded.state}`)
  return decoded.envelope
}
const dataOf = (record: SessionRecord): Data => parseData(envelopeOf(record).text) ?? {}

interface Write {
  readonly data: Data
  readonly user?: string
  readonly expiresAt?: number
}

/** What the engine makes: the first record, or the one after `previous`. */
function write({ data, user, expiresAt = 5_000 }: Write, previous?: SessionRecord): SessionRecord {
  const before = previous && envelopeOf(previous)
  const [revision, tag] = [(previous?.revision ?? 0) + 1, newTag()]
  const envelope: Envelope = {
    ...{ createdAt: 1_000, idleMs: 4_000, absoluteAt: 90_000, persistent: false, user: user ?? before?.user },
    tags: nextTags(before?.tags ?? [], tag),
    stamps: nextStamps(before, previous ? dataOf(previous) : {}, data, revision),
    text: JSON.stringify(data),
  }
  return { data: encode(envelope), revision, tag, expiresAt }
}

const tombstone = (expiresAt: number, tag = newTag()): SessionRecord => ({
  ...{ data: null, revision: TOMBSTONE_REVISION, tag, expiresAt },
})

/** All that a session says to its users: the rest of a record is bookkeeping of the store. */
const contentOf = (record: SessionRecord): unknown => {
  if (record.data === null) return { tombstone: record.expiresAt }
  const { createdAt, idleMs, absoluteAt, persistent, user, stamps } = envelopeOf(record)
  const header = { createdAt, idleMs, absoluteAt, persistent, user, expiresAt: record.expiresAt }
  return { ...header, data: dataOf(record), stamps: Object.fromEntries(stamps) }
}

/** Copies of one session that went different ways: each step writes, touches or joins one of the copies so far. */
const copies = fc
  .array(
    fc.record({
      kind: fc.constantFrom('write', 'write', 'write', 'touch', 'join', 'destroy'),
      of: fc.nat(20),
      with: fc.nat(20),
      field: fc.constantFrom('a', 'b', 'c', '7', 'constructor'),
      value: fc.option(fc.oneof(fc.nat(2), fc.constant({ deep: [1] })), { nil: undefined, freq: 4 }),
      user: fc.constantFrom(undefined, undefined, 'ann', 'bob'),
      ms: fc.nat(9),
    }),
    { minLength: 1, maxLength: 14 },
  )
  .map((steps) => {
    const all = [write({ data: { a: 0 } })]
    for (const { kind, of, with: other, field, value, user, ms } of steps) {
      const record = all[of % all.length] as SessionRecord
      if (kind === 'destroy' && of < 19) continue
      if (kind === 'destroy') all.push(tombstone(90_000 + ms))
      else if (kind === 'join') all.push(join(record, all[other % all.length] as SessionRecord))
      else if (record.data === null) continue
      else if (kind === 'touch') all.push({ ...record, expiresAt: record.expiresAt + ms })
      else
        all.push(
          write({ data: { ...dataOf(record), [field]: value }, ...(user && { user }), expiresAt: 5_000 + ms }, record),
        )
    }
    return all
  })
const pick = (all: readonly SessionRecord[], at: number): SessionRecord => all[at % all.length] as SessionRecord

describe('join', () => {
  it('gives the same session in either order', () => {
    fc.assert(
      fc.property(copies, fc.nat(), fc.nat(), (all, i, j) => {
        const [a, b] = [pick(all, i), pick(all, j)]
        expect(join(a, b)).toEqual(join(b, a))
      }),
      runs,
    )
  })

  it('gives the same fields, stamps, deadlines and user however three copies are joined', () => {
    fc.assert(
      fc.property(copies, fc.nat(), fc.nat(), fc.nat(), (all, i, j, k) => {
        const [a, b, c] = [pick(all, i), pick(all, j), pick(all, k)]
        expect(contentOf(join(join(a, b), c))).toEqual(contentOf(join(a, join(b, c))))
      }),
      runs,
    )
  })

  it('leaves the very same record when a copy is joined with itself or joined again', () => {
    fc.assert(
      fc.property(copies, fc.nat(), fc.nat(), (all, i, j) => {
        const [a, b] = [pick(all, i), pick(all, j)]
        const both = join(a, b)
        expect(join(a, a)).toBe(a)
        expect(join(both, a)).toBe(both)
        expect(join(b, both)).toEqual(both)
      }),
      runs,
    )
  })

  it('never goes back in the order of the store', () => {
    fc.assert(
      fc.property(copies, fc.nat(), fc.nat(), (all, i, j) => {
        const [a, b] = [pick(all, i), pick(all, j)]
        const both = join(a, b)
        if (both.data !== null) for (const copy of [a, b]) expect(isNewer(copy, both)).toBe(false)
      }),
      runs,
    )
  })

  it('keeps what each of two servers acknowledged while they did not see each other', () => {
    const base = write({ data: { user: 1 } })
    const one = write({ data: { user: 1, x: 1 } }, base)
    const two = write({ data: { user: 1, y: 2, z: 3 } }, write({ data: { user: 1, y: 2 } }, base))
    const both = join(one, two)
    expect(dataOf(both)).toEqual({ user: 1, x: 1, y: 2, z: 3 })
    expect(both.revision).toBe(4)
    expect(envelopeOf(both).tags).toEqual(expect.arrayContaining([both.tag, one.tag, two.tag, base.tag]))
  })

  it('makes the same new write on every node', () => {
    const base = write({ data: {} })
    const [one, two] = [write({ data: { x: 1 } }, base), write({ data: { y: 1 } }, base)]
    expect(join({ ...one }, { ...two })).toEqual(join({ ...two, token: 'cas' }, { ...one, token: 7 }))
    expect(join(one, two).tag).toMatch(/^[\w-]{8}$/)
  })

  it('gives back the copy that has everything, with its token', () => {
    const base = write({ data: { x: 1 } })
    const next = { ...write({ data: { x: 2 } }, base), token: 'cas 5' }
    expect(join(base, next)).toBe(next)
    expect(join(next, base)).toBe(next)
  })

  it('takes the later deadline of one write that was touched on one server only', () => {
    const record = write({ data: { x: 1 } })
    const touched = { ...record, expiresAt: record.expiresAt + 1 }
    expect(join(record, touched)).toBe(touched)
    expect(join(touched, record)).toBe(touched)
  })

  it('takes deadline and user from the later write, also when fields come from the earlier one', () => {
    const base = write({ data: {} })
    const early = write({ data: { x: 1 }, user: 'ann', expiresAt: 8_000 }, base)
    const late = write({ data: { y: 2 } }, write({ data: { y: 1 }, user: 'bob', expiresAt: 7_000 }, base))
    const both = join(early, { ...late, expiresAt: 7_500 })
    expect(contentOf(both)).toMatchObject({ data: { x: 1, y: 2 }, user: 'bob', expiresAt: 7_500 })
  })

  it('lets the next write decide again, although a join came before it', () => {
    const base = write({ data: {} })
    const both = join(write({ data: { x: 1 }, user: 'ann' }, base), write({ data: { y: 1 }, user: 'ann' }, base))
    const stale = write({ data: {}, user: 'bob' }, write({ data: {} }, base))
    const login = write({ data: { x: 1, y: 1 }, user: 'eve' }, both)
    expect(envelopeOf(join(login, stale)).user).toBe('eve')
  })

  it('does not bring a removed field back', () => {
    const base = write({ data: { cart: [1], x: 1 } })
    const removed = write({ data: { x: 1 } }, base)
    expect(dataOf(join(base, removed))).toEqual({ x: 1 })
    const other = write({ data: { cart: [1], x: 1, y: 1 } }, base)
    expect(dataOf(join(other, removed))).toEqual({ x: 1, y: 1 })
  })

  it('keeps a session ended: a tombstone wins over any record, of two the one that ends later', () => {
    fc.assert(
      fc.property(copies, fc.nat(), fc.nat(9), (all, i, ms) => {
        const [record, ended] = [pick(all, i), tombstone(200_000 + ms)]
        expect(join(record, ended)).toBe(ended)
        expect(join(ended, record)).toBe(ended)
      }),
      runs,
    )
    const [short, long] = [tombstone(1_000, 'zzzzzzzz'), tombstone(2_000, 'aaaaaaaa')]
    expect(join(short, long)).toBe(long)
    expect(join(long, short)).toBe(long)
  })

  it('prefers a copy that can be read to one that cannot: the login goes on', () => {
    const record = write({ data: { x: 1 } })
    for (const data of ['', 'garbage', `${record.data?.slice(0, -2)}`, record.data?.replace('{"x":1}', '[1]') ?? '']) {
      const damaged = { ...record, data, revision: 9 }
      expect(join(record, damaged)).toBe(record)
      expect(join(damaged, record)).toBe(record)
      expect(join({ ...damaged, data: 'other' }, damaged)).toEqual(join(damaged, { ...damaged, data: 'other' }))
    }
  })

  it('leaves a record of a later version as it is', () => {
    const record = write({ data: { x: 1 } })
    const later = { ...record, data: '{"v":2,"zip":true}\nwhatever' }
    expect(join(record, later)).toBe(later)
    expect(join(later, { ...record, revision: 9 })).toBe(later)
  })

  it('remembers no more than 200 removed fields', () => {
    const many = (from: number): Data => Object.fromEntries(Array.from({ length: 150 }, (_, n) => [`f${from + n}`, 1]))
    const base = write({ data: { ...many(0), ...many(150) } })
    const both = join(write({ data: many(0) }, base), write({ data: many(150) }, base))
    expect(dataOf(both)).toEqual({})
    expect(envelopeOf(both).stamps.size).toBe(200)
  })
})
