import { describe, expect, test } from 'vitest'
import { TOMBSTONE_REVISION } from '@holdfast/core'
import { recordToText as encode, textToRecord as decode } from './record-text.js'

const record = { data: '{"a":1}', revision: 7, tag: 'aZ09-_xy', expiresAt: 1_700_000_000_000 }

test('what stands in the server can be read by a person', () => {
  expect(encode(record)).toBe('hf1 0001700000000000 live 0000000000000007 aZ09-_xy {"a":1}')
  expect(encode({ ...record, data: null })).toBe('hf1 0001700000000000 dead 0000000000000007 aZ09-_xy ')
})

test.each([
  record,
  { ...record, data: '' },
  { ...record, data: ' hf1 ' },
  { ...record, data: 'two\nlines' },
  { ...record, tag: '' },
  { ...record, data: null, revision: TOMBSTONE_REVISION, expiresAt: Number.MAX_SAFE_INTEGER },
])('is decoded to what it was: %j', (one) => {
  expect(decode(encode(one))).toEqual(one)
})

test('a deadline is never later than stated', () => {
  expect(decode(encode({ ...record, expiresAt: 1_000.9 })).expiresAt).toBe(1_000)
  expect(decode(encode({ ...record, expiresAt: -1 })).expiresAt).toBe(0)
})

describe('text that is not ours is no record, and not absent', () => {
  const text = encode(record)
  test.each([
    '',
    '{"cookie":{},"passport":{"user":1}}',
    text.slice(1),
    text.slice(0, 40),
    text.replace('hf1', 'hf2'),
    text.replace('live', 'LIVE'),
    text.replace('00017', '+0017'),
    text.replace(' aZ', 'aZ'),
  ])('%j', (foreign) => {
    expect(decode(foreign)).toEqual({ data: foreign, revision: 0, tag: '', expiresAt: Number.MAX_SAFE_INTEGER })
  })
})
