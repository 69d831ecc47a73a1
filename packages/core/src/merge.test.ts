import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mergeData } from './merge.js'

type Data = Record<string, unknown>

const leaf = fc.oneof(fc.nat(2), fc.constantFrom(null, 'x', true), fc.array(fc.nat(1), { maxLength: 2 }))
const name = fc.constantFrom('a', 'b', 'c', '0', 'constructor')
const { data } = fc.letrec<{ value: unknown; data: Data }>((tie) => ({
  value: fc.oneof({ maxDepth: 2 }, leaf, tie('data')),
  data: fc.dictionary(name, tie('value'), { maxKeys: 4 }),
}))
const json = (value: unknown): string | undefined => JSON.stringify(value)
const own = (object: Data, field: string): unknown => (Object.hasOwn(object, field) ? object[field] : undefined)

describe('mergeData', () => {
  it('keeps both when two requests changed different fields', () => {
    const base = { cart: 1, lang: 'en' }
    expect(mergeData(base, { cart: 2, lang: 'en' }, { cart: 1, lang: 'de', flash: 'hi' })).toEqual({
      data: { cart: 2, lang: 'de', flash: 'hi' },
      conflicts: [],
    })
  })

  it('takes mine where both changed one field, and says so', () => {
    expect(mergeData({ n: 1 }, { n: 2 }, { n: 3 })).toEqual({ data: { n: 2 }, conflicts: ['n'] })
    expect(mergeData({ n: 1 }, { n: 2 }, { n: 2 })).toEqual({ data: { n: 2 }, conflicts: [] })
  })

  it('counts a removal as a change', () => {
    expect(mergeData({ a: 1, b: 1 }, { b: 1 }, { a: 1, b: 2 })).toEqual({ data: { b: 2 }, conflicts: [] })
    expect(mergeData({ a: 1, b: 1 }, { a: 1, b: 2 }, { b: 1 })).toEqual({ data: { b: 2 }, conflicts: [] })
    expect(mergeData({ a: 1 }, {}, { a: 2 })).toEqual({ data: {}, conflicts: ['a'] })
    expect(mergeData({ a: 1 }, { a: 2 }, {})).toEqual({ data: { a: 2 }, conflicts: ['a'] })
    expect(mergeData({ a: 1 }, { a: undefined }, { a: 1 })).toEqual({ data: {}, conflicts: [] })
    expect(mergeData({ a: 1 }, {}, {})).toEqual({ data: {}, conflicts: [] })
  })

  it('merges nested objects by path, and still names the field', () => {
    const base = { cart: { items: { 7: 1 }, note: 'x' } }
    const mine = { cart: { items: { 7: 1, 8: 1 }, note: 'x' } }
    const theirs = { cart: { items: { 9: 2 } } }
    expect(mergeData(base, mine, theirs)).toEqual({ data: { cart: { items: { 8: 1, 9: 2 } } }, conflicts: ['cart'] })
  })

  it('merges objects that both sides added', () => {
    expect(mergeData({}, { cart: { a: 1 } }, { cart: { b: 2 } }).data).toEqual({ cart: { a: 1, b: 2 } })
  })

  it('takes arrays whole', () => {
    expect(mergeData({ l: [1] }, { l: [1, 2] }, { l: [1, 3] })).toEqual({ data: { l: [1, 2] }, conflicts: ['l'] })
    expect(mergeData({ l: [1] }, { l: [1] }, { l: [1, 3] })).toEqual({ data: { l: [1, 3] }, conflicts: [] })
  })

  it('does not care in which order the names of an object stand', () => {
    expect(mergeData({ o: { a: 1, b: 2 } }, { o: { b: 2, a: 1 } }, { o: { a: 9, b: 2 } })).toEqual({
      data: { o: { a: 9, b: 2 } },
      conflicts: [],
    })
  })

  it('cannot be used to reach a prototype', () => {
    const evil = JSON.parse(
      '{"__proto__":{"admin":1},"a":{"__proto__":{"admin":1}},"constructor":{"prototype":{"admin":1}}}',
    ) as Data
    for (const { data } of [
      mergeData({}, evil, {}),
      mergeData({}, {}, evil),
      mergeData({}, evil, { a: {}, constructor: {} }),
    ]) {
      expect(Object.getPrototypeOf(data)).toBe(Object.prototype)
      expect(Object.keys(data)).toEqual(['a', 'constructor'])
      expect((data as { admin?: number }).admin).toBeUndefined()
    }
    expect(({} as { admin?: number }).admin).toBeUndefined()
    expect(mergeData({}, { constructor: 1 }, { toString: 2 }).data).toEqual({ constructor: 1, toString: 2 })
  })

  it('does not take an inherited value for data', () => {
    const inheriting = Object.create({ a: 2 }) as Data
    expect(mergeData(inheriting, { a: 1 }, inheriting)).toEqual({ data: { a: 1 }, conflicts: [] })
    expect(mergeData({ a: 1 }, { a: 1 }, inheriting)).toEqual({ data: {}, conflicts: [] })
  })

  it('changes nothing when one side changed nothing', () => {
    fc.assert(
      fc.property(data, data, (base, changed) => {
        expect(mergeData(base, base, changed)).toEqual({ data: changed, conflicts: [] })
        expect(mergeData(base, changed, base)).toEqual({ data: changed, conflicts: [] })
        expect(mergeData(base, changed, changed)).toEqual({ data: changed, conflicts: [] })
      }),
    )
  })

  it('keeps every field that only one side changed, and names exactly those that both did', () => {
    fc.assert(
      fc.property(data, data, data, (base, mine, theirs) => {
        const merged = mergeData(base, mine, theirs)
        for (const field of ['a', 'b', 'c', '0', 'constructor']) {
          const [was, is, other, now] = [base, mine, theirs, merged.data].map((side) => own(side, field))
          const same = (x: unknown, y: unknown): boolean => canonical(x) === canonical(y)
          if (same(was, is)) expect(canonical(now)).toBe(canonical(other))
          else if (same(was, other)) expect(canonical(now)).toBe(canonical(is))
          expect(merged.conflicts.includes(field)).toBe(!same(was, is) && !same(was, other) && !same(is, other))
        }
      }),
    )
  })

  it('gives the same in either order where nothing conflicts', () => {
    fc.assert(
      fc.property(data, data, data, (base, mine, theirs) => {
        const merged = mergeData(base, mine, theirs)
        fc.pre(merged.conflicts.length === 0)
        expect(mergeData(base, theirs, mine)).toEqual(merged)
      }),
    )
  })

  it('leaves its inputs as they were', () => {
    fc.assert(
      fc.property(data, data, data, (base, mine, theirs) => {
        const before = json([base, mine, theirs])
        mergeData(base, mine, theirs)
        expect(json([base, mine, theirs])).toBe(before)
      }),
    )
  })
})

/** JSON with the names of objects sorted. */
function canonical(value: unknown): string | undefined {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
