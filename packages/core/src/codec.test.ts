import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decode, encode, type Envelope, fieldText, newTag, nextStamps, nextTags, parseData } from './codec.js'

const envelope: Envelope = {
  createdAt: 1_700_000_000_000,
  idleMs: 1_800_000,
  absoluteAt: 1_700_043_200_000,
  persistent: false,
  user: undefined,
  tags: ['abcdefgh'],
  stamps: new Map([['cart', 1]]),
  text: '{"cart":[1]}',
}

/** The stored text of `envelope` with parts of its header replaced by raw JSON; undefined takes the part out. */
const stored = (parts: Readonly<Record<string, string | undefined>>, text = envelope.text): string => {
  const header = { v: '1', c: '1', i: '2', x: '3', t: '"abcdefgh"', s: '{"cart":1}', ...parts }
  const entries = Object.entries(header).filter(([, json]) => json !== undefined)
  return `{${entries.map(([name, json]) => `"${name}":${json}`).join(',')}}\n${text}`
}

const plain = ({ createdAt, idleMs, absoluteAt, persistent, user, tags, stamps, text }: Envelope): Envelope => ({
  ...{ createdAt, idleMs, absoluteAt, persistent, user, tags, stamps, text },
})

const decoded = (data: string): Envelope => {
  const result = decode(data)
  if (result.state !== 'ok') throw new Error(`expected an envelope, got ${JSON.stringify(result)}`)
  return plain(result.envelope)
}

describe('encode and decode', () => {
  it('give back whatever was encoded', () => {
    const time = fc.nat(Number.MAX_SAFE_INTEGER)
    const words = fc.string({ unit: 'binary', maxLength: 12 })
    const tag = fc.string({ unit: fc.constantFrom(...'abcXYZ019_-'), minLength: 8, maxLength: 8 })
    const envelopes = fc.record({
      ...{ createdAt: time, idleMs: time, absoluteAt: time, persistent: fc.boolean() },
      user: fc.option(words, { nil: undefined }),
      tags: fc.array(tag, { minLength: 1, maxLength: 8 }),
      stamps: fc
        .array(fc.tuple(fc.oneof(words, fc.constantFrom('__proto__', '1', '\n')), fc.nat()), { maxLength: 6 })
        .map((pairs) => new Map(pairs)),
      text: words,
    })
    fc.assert(
      fc.property(envelopes, (any) => {
        expect(decoded(encode(any))).toEqual(any)
      }),
    )
  })

  it('carry the origin of a join', () => {
    const origin = { revision: 7, tag: 'abcdefgh' }
    expect(decode(encode(envelope, origin))).toMatchObject({ state: 'ok', origin })
    expect(decode(encode(envelope))).toMatchObject({ state: 'ok', origin: undefined })
  })

  it('keep the data as it is, byte for byte', () => {
    const text = ' {"name":"\\u00fc\u2028 ü 😀",\n"big":1e400} '
    expect(decoded(encode({ ...envelope, text })).text).toBe(text)
  })

  it('put the version first and take little room', () => {
    const data = encode(envelope)
    expect(data).toMatch(/^\{"v":1,/)
    expect(data.length - envelope.text.length).toBeLessThan(110)
  })
})

describe('decode', () => {
  it('takes a later version for what it is, whatever else is in the record', () => {
    expect(decode('{"v":2,"c":1}\n{}')).toEqual({ state: 'newer', version: 2 })
    expect(decode('{"v":31}')).toEqual({ state: 'newer', version: 31 })
    expect(decode('{"v":2,\u0000 cut off')).toEqual({ state: 'newer', version: 2 })
  })

  it.each([
    ['an empty text', ''],
    ['no header', '{"v":1}'],
    ['a header that was cut off', encode(envelope).slice(0, 40)],
    ['a header without data after it', encode(envelope).slice(0, encode(envelope).indexOf('\n'))],
    ['data of another library', '{"cookie":{"originalMaxAge":null},"user":1}'],
    ['version 0', '{"v":0,"c":1}\n{}'],
    ['a version that is a text', '{"v":"1","c":1}\n{}'],
    ['a version with a fraction', '{"v":1.5,"c":1}\n{}'],
    ['a version beyond reason', '{"v":99999999999999999999,"c":1}\n{}'],
    ['a header that is no JSON', '{"v":1,oops}\n{}'],
    ['a time that is a text', stored({ c: '"1"' })],
    ['a time that is missing', stored({ x: undefined })],
    ['a time beyond all numbers', stored({ x: '1e999' })],
    ['a negative time', stored({ i: '-1' })],
    ['a persistent mark that is a text', stored({ p: '"yes"' })],
    ['a user that is a number', stored({ u: '7' })],
    ['a user that is null', stored({ u: 'null' })],
    ['no tags', stored({ t: '""' })],
    ['tags cut off', stored({ t: '"abcdefghi"' })],
    ['tags in a list', stored({ t: '["abcdefgh"]' })],
    ['stamps in a list', stored({ s: '[1]' })],
    ['stamps that are null', stored({ s: 'null' })],
    ['a stamp that is a text', stored({ s: '{"a":1,"b":"2"}' })],
    ['a stamp with a fraction', stored({ s: '{"a":1.5}' })],
    ['an origin that is no pair', stored({ o: '7' })],
    ['an origin of the wrong types', stored({ o: '["7","abcdefgh"]' })],
  ])('answers %s with a reason', (_, data) => {
    expect(decode(data)).toEqual({ state: 'undecodable', reason: expect.stringMatching(/^it(s header)? /) })
  })

  it('never says in its reason what is in the record', () => {
    for (const parts of [{ c: '"geheim"' }, { u: '["geheim"]' }, { s: '{"geheim":"geheim"}' }, { t: '"geheim"' }])
      expect(JSON.stringify(decode(stored(parts, 'geheim')))).not.toContain('geheim')
  })

  it('takes a header with a name that this version does not use', () => {
    expect(decoded(stored({ later: '1' })).text).toBe(envelope.text)
  })
})

describe('parseData', () => {
  it.each(['', 'null', '1', '"text"', '[]', '[{}]', '{', '{"a":1}}', '{"a":}', 'undefined', '\u0000'])(
    'has no data for %j',
    (text) => expect(parseData(text)).toBeUndefined(),
  )

  it('parses data as JSON does', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ maxLength: 12 }).filter(isHarmless), fc.jsonValue(), { maxKeys: 5 }),
        (data) => {
          const text = JSON.stringify(data)
          fc.pre(isHarmless(text))
          expect(parseData(text)).toEqual(JSON.parse(text))
        },
      ),
    )
  })

  it.each([
    ['plain', '{"__proto__":{"admin":true},"a":1}'],
    ['escaped', '{"__pr\\u006fto__":{"admin":true},"a":1}'],
    ['escaped in full', '{"\\u005F\\u005fproto\\u005f\\u005f":{"admin":true},"a":1}'],
    ['deep', '{"a":1,"b":[{"c":{"__proto__":{"admin":true}}}]}'],
    ['deep and escaped', '{"a":1,"b":[{"c":{"\\u005f_proto__":{"admin":true}}}]}'],
    ['by constructor', '{"constructor":{"prototype":{"admin":true}},"a":1}'],
    ['by an escaped constructor', '{"b":{"c\\u006fnstructor":{"prototype":{"admin":true}}},"a":1}'],
    ['by a constructor with an escaped prototype', '{"constructor":{"prot\\u006ftype":{"admin":true}},"a":1}'],
  ])('drops keys that pollute prototypes: %s', (_, text) => {
    const data = parseData(text)
    expect(data).toMatchObject({ a: 1 })
    expect(JSON.stringify(data)).not.toContain('admin')
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype)
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  it('keeps words that only look dangerous', () => {
    for (const data of [
      { constructor: 'Ferrari', prototype: 1 },
      { text: '__proto__ and \u0001' },
      { toJSON: 'x', save: 1 },
    ])
      expect(parseData(JSON.stringify(data))).toEqual(data)
  })

  it('refuses data so deep that it could not be encoded again', () => {
    const nested = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
    expect(parseData(nested(1_900))).toBeDefined()
    expect(parseData(nested(2_100))).toBeUndefined()
    expect(parseData(`{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`)).toBeUndefined()
    expect(parseData(nested(60_000).replace('1', '{"__proto__":1}'))).toBeUndefined()
    expect(parseData(`{"wide":[${Array(5_000).fill('{}').join()}]}`)).toBeDefined()
  })
})

const isHarmless = (text: string): boolean => !/__proto__|constructor|\\u/.test(text)

describe('nextStamps', () => {
  const after = (
    previous: ReadonlyMap<string, number> | undefined,
    before: object,
    now: object,
    revision: number,
  ): object =>
    Object.fromEntries(nextStamps(previous && { ...envelope, stamps: previous }, { ...before }, { ...now }, revision))

  it('stamps what changed and nothing else', () => {
    expect(after(undefined, {}, { a: 1, b: [] }, 1)).toEqual({})
    const stamps = new Map([
      ['a', 1],
      ['b', 1],
      ['c', 2],
    ] as const)
    expect(after(stamps, { a: 1, b: [1], c: 1 }, { a: 2, b: [1], c: 1 }, 3)).toEqual({ a: 3, b: 1, c: 2 })
    expect(after(stamps, { a: 1, b: [1], c: 1 }, { a: 1, b: [1, 2], c: 1, d: null }, 3)).toEqual({
      a: 1,
      b: 3,
      c: 2,
      d: 3,
    })
  })

  it('stamps a removal, and keeps that stamp until the field is back', () => {
    const removed = nextStamps({ ...envelope, stamps: new Map([['a', 1]]) }, { a: 1 }, {}, 2)
    expect(Object.fromEntries(removed)).toEqual({ a: 2 })
    expect(after(removed, {}, { b: 1 }, 3)).toEqual({ a: 2, b: 3 })
    expect(after(removed, {}, { a: 1 }, 4)).toEqual({ a: 4 })
  })

  it('compares as JSON does: undefined is a removal, a Date its text', () => {
    const stamps = new Map([
      ['a', 1],
      ['b', 1],
    ] as const)
    expect(after(stamps, { a: 1, b: '1970-01-01T00:00:00.000Z' }, { a: undefined, b: new Date(0) }, 2)).toEqual({
      a: 2,
      b: 1,
    })
  })

  it('remembers the newest 200 removals', () => {
    let stamps: ReadonlyMap<string, number> = new Map()
    for (let revision = 1; revision <= 400; revision++)
      stamps = nextStamps({ ...envelope, stamps }, { [`f${revision - 1}`]: 1 }, { [`f${revision}`]: 1 }, revision)
    expect(stamps.size).toBe(201)
    expect([...stamps.keys()]).toEqual(Array.from({ length: 201 }, (_, n) => `f${n + 200}`))
  })

  it('does not touch what it was given', () => {
    const stamps = new Map([['a', 1]])
    nextStamps({ ...envelope, stamps }, { a: 1 }, { b: 1 }, 2)
    expect([...stamps]).toEqual([['a', 1]])
  })
})

describe('fieldText', () => {
  it('is empty for what JSON does not have', () => {
    for (const data of [{}, { a: undefined }, { a: () => 1 }]) expect(fieldText(data, 'a')).toBe('')
    expect(fieldText({}, 'constructor')).toBe('')
    expect(fieldText({ a: '' }, 'a')).toBe('""')
  })
})

describe('tags', () => {
  it('name the last eight writes, the newest first', () => {
    let tags: readonly string[] = []
    for (let n = 0; n < 20; n++) tags = nextTags(tags, `tag-${n}`)
    expect(tags).toEqual([19, 18, 17, 16, 15, 14, 13, 12].map((n) => `tag-${n}`))
  })

  it('are eight safe characters and do not repeat', () => {
    const tags = new Set(Array.from({ length: 20_000 }, newTag))
    expect(tags.size).toBe(20_000)
    for (const tag of tags) expect(tag).toMatch(/^[A-Za-z0-9_-]{8}$/)
  })
})
