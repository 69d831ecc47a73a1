import { describe, expect, test } from 'vitest'
import { BadMessageError, frameOf, readFields, type Field, type Fields } from './fields.js'
import { BrokenFrameError } from './frames.js'

const contentOf = (fields: readonly Field[]): Buffer => frameOf(fields).subarray(4)

describe('a frame with something other than plain values', () => {
  const read = (content: Buffer) => readFields(content, (fields) => fields.whole('id'))

  test.each([
    ['an array', Buffer.from([0x93, 1, 2, 3])],
    ['a map', Buffer.from([0x81, 0xa1, 0x61, 1])],
    ['a timestamp', Buffer.from([0xd6, 0xff, 0, 0, 0, 0])],
    ['an extension', Buffer.from([0xd4, 1, 0])],
    ['an array of 4 billion', Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff])],
    ['a map of 4 billion', Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff])],
    ['a text of 4 billion', Buffer.from([0xdb, 0xff, 0xff, 0xff, 0xff])],
    ['bytes of 4 billion', Buffer.from([0xc6, 0xff, 0xff, 0xff, 0xff])],
    ['a text that is cut off', Buffer.from([0xa5, 0x61])],
    ['a number that is cut off', Buffer.from([0xcf, 0x61])],
    ['a byte that means nothing', Buffer.from([0xc1])],
  ])('%s is no frame', (_, content) => {
    expect(() => read(content)).toThrow(BrokenFrameError)
  })

  test.each([
    ['an empty array', Buffer.from([0x90])],
    ['an empty map', Buffer.from([0x80])],
    ['nothing', Buffer.from([])],
  ])('%s is no number', (_, content) => {
    expect(() => read(content)).toThrow(BadMessageError)
  })

  test('heads of nested arrays take neither memory nor time', () => {
    const heads = Buffer.alloc(2_000_000, Buffer.from([0xdd, 0, 0, 0xff, 0xff]))
    const before = process.memoryUsage()
    const startedAt = performance.now()
    expect(() => read(heads)).toThrow(BrokenFrameError)
    const after = process.memoryUsage()
    expect(performance.now() - startedAt).toBeLessThan(100)
    expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(10_000_000)
  })

  test('one frame that was wrong does not change how the next is read', () => {
    for (let at = 0; at < 100; at++) expect(() => read(Buffer.from([0xa5, 0x61]))).toThrow(BrokenFrameError)
    expect(read(contentOf([12]))).toBe(12)
  })
})

describe('fields', () => {
  const cases: readonly [
    what: string,
    parse: (fields: Fields) => unknown,
    right: readonly Field[],
    wrong: readonly Field[],
  ][] = [
    ['key', (fields) => fields.key(), ['a', 'A-z_9', 'k'.repeat(64)], ['', 'a b', 'a.b', 'é', 'k'.repeat(65), 1, null]],
    [
      'text',
      (fields) => fields.text('x'),
      ['', 'é😀', 'x'.repeat(500)],
      ['x'.repeat(501), 1, null, true, Buffer.from('x')],
    ],
    [
      'name',
      (fields) => fields.name('x'),
      ['10.0.0.1:7946', 'node-a:1', '[::1]:80'],
      ['', 'node', 'a\nb:1', ':1', 'a:', 1],
    ],
    ['maybe a name', (fields) => fields.maybeName('x'), ['', 'node-a:1'], ['node', 'a\nb:1', 1, null]],
    ['flag', (fields) => fields.flag('x'), [true, false], [0, 1, null, 'true']],
    ['finite', (fields) => fields.finite('x'), [0, -1, 1.5, 2 ** 53], [Infinity, -Infinity, NaN, '1', null]],
    [
      'whole',
      (fields) => fields.whole('x', 1),
      [1, Number.MAX_SAFE_INTEGER],
      [0, -1, 1.5, 2 ** 53, NaN, '1', null, false],
    ],
    ['tag', (fields) => fields.tag(), ['abcdefgh', '--------'], ['', 'abcdefg', 'abcdefghi', 12_345_678, null]],
  ]

  for (const [what, parse, right, wrong] of cases) {
    test.each(right)(`${what}: %j passes`, (field) => expect(readFields(contentOf([field]), parse)).toBe(field))
    test.each(wrong)(`${what}: %j does not`, (field) =>
      expect(() => readFields(contentOf([field]), parse)).toThrow(BadMessageError),
    )
  }

  const record = (...fields: readonly Field[]) => readFields(contentOf(fields), (parsed) => parsed.record())

  test('a record is its text, revision, tag and deadline', () => {
    const text = '\uFEFF{"a":"é😀"}\n'
    const tag = 'abcdefgh'
    expect(record(Buffer.from(text), 3, tag, 99)).toEqual({ data: text, revision: 3, tag, expiresAt: 99 })
    expect(record(null, Number.MAX_SAFE_INTEGER, tag, 99)).toMatchObject({ data: null })
    expect(record(Buffer.alloc(0), 1, tag, -1)).toMatchObject({ data: '', expiresAt: -1 })
  })

  test.each([
    ['data that is not UTF-8', [Buffer.from([0xff, 0xfe]), 3, 'abcdefgh', 99]],
    ['data as text', ['{}', 3, 'abcdefgh', 99]],
    ['revision 0', [null, 0, 'abcdefgh', 99]],
    ['a short tag', [null, 3, 'abc', 99]],
    ['no deadline', [null, 3, 'abcdefgh']],
    ['a deadline that is not a number', [null, 3, 'abcdefgh', NaN]],
  ] as const)('no record: %s', (_, fields) => {
    expect(() => record(...fields)).toThrow(BadMessageError)
  })

  test('a list that says it is longer than it is ends the frame, one that may not be so long is refused', () => {
    const list = (...fields: readonly Field[]) =>
      readFields(contentOf(fields), (parsed) => parsed.list('things', () => parsed.whole('thing')))
    expect(list(3, 1, 2, 3)).toEqual([1, 2, 3])
    expect(list(0)).toEqual([])
    expect(() => list(65_536, 1, 2, 3)).toThrow('it ends before its thing')
    expect(() => list(65_537, 1, 2, 3)).toThrow('its things are 65537, more than 65536')
  })
})

describe('what does not fit into a frame', () => {
  const LIMIT = 2 * 1024 * 1024

  test('is an error before it is encoded, with its size and the limit', () => {
    expect(frameOf([Buffer.alloc(LIMIT - 5)])).toHaveLength(LIMIT + 4)
    const tooLarge = { code: 'SESSION_TOO_LARGE', limit: LIMIT }
    const thrownBy = (fields: readonly Field[]) => {
      try {
        return frameOf(fields)
      } catch (error) {
        return error
      }
    }
    expect(thrownBy([Buffer.alloc(LIMIT - 4)])).toMatchObject({ ...tooLarge, bytes: LIMIT + 1 })
    expect(thrownBy([1, Buffer.alloc(LIMIT), Buffer.alloc(LIMIT)])).toMatchObject({ ...tooLarge, bytes: 2 * LIMIT })
  })
})
