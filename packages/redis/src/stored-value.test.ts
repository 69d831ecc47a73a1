import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decode, digits, encode, foreign } from './stored-value.js'

const record = { data: '{"a":1}', revision: 3, tag: 'abcd_-09', expiresAt: 1_760_000_000_123 }

describe('what stands in Redis', () => {
  it('can be read in redis-cli, with the deadline at bytes 4 to 19', () => {
    expect(encode(record)).toBe('hf1 0001760000000123 live 0000000000000003 abcd_-09\n{"a":1}')
    expect(encode(record).slice(4, 20)).toBe('0001760000000123')
    expect(encode({ ...record, data: null })).toBe('hf1 0001760000000123 dead 0000000000000003 abcd_-09\n')
  })

  it('is read back as it was written', () => {
    const safe = fc.maxSafeNat()
    const text = fc.option(fc.string({ unit: 'binary', maxLength: 60 }))
    fc.assert(
      fc.property(text, safe, fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/), safe, (data, revision, tag, expiresAt) => {
        const written = { data, revision, tag, expiresAt }
        expect(decode(encode(written))).toEqual(written)
      }),
    )
  })

  it('keeps line breaks of the data, also the first', () => {
    for (const data of ['', '\n', '\n\nx\n']) expect(decode(encode({ ...record, data })).data).toBe(data)
  })

  it('cuts fractions of a ms and has no deadline before 1970', () => {
    expect(digits(1.9)).toBe('0000000000000001')
    expect(digits(-5)).toBe('0000000000000000')
    expect(digits(Number.MAX_SAFE_INTEGER)).toBe('9007199254740991')
  })

  const good = encode(record)
  const bad: Readonly<Record<string, string>> = {
    'no text': '',
    'JSON of another library': '{"cookie":{"originalMaxAge":null},"user":1}',
    'a later form': good.replace('hf1', 'hf2'),
    'a head without its line break': good.replace('\n', ' '),
    'half a head': good.slice(0, 30),
    'a letter in the deadline': good.replace('0001760000000123', '000176000000012x'),
    'a blank in the deadline': good.replace('0001760000000123', ' 001760000000123'),
    'a sign in the revision': good.replace('0000000000000003', '+000000000000003'),
    'a revision of 15 digits': good.replace('0000000000000003', '000000000000003'),
    'neither live nor dead': good.replace('live', 'lost'),
    capitals: good.replace('live', 'LIVE'),
    'no blank before the kind': good.replace(' live', '_live'),
    'no blank before the tag': good.replace('3 abcd', '3_abcd'),
  }
  it.each(Object.entries(bad))('is foreign with %s: neither a record nor absent', (_, text) => {
    expect(decode(text)).toEqual(foreign(text))
    expect(foreign(text)).toEqual({ data: text, revision: 0, tag: '', expiresAt: Number.MAX_SAFE_INTEGER })
  })
})
