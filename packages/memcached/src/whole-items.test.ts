import { describe, expect, test } from 'vitest'
import { splitWholeItems } from './whole-items.js'

const split = (...lines: string[]) => splitWholeItems(lines, (key) => key.startsWith('sess:'))
const item = (text: string, flags = 0, bytes = Buffer.byteLength(text)) => [
  `VALUE sess:a ${flags} ${bytes} 5`,
  ...text.split('\r\n'),
  'END',
]

test('an item of ours stays as it is', () => {
  expect(split(...item('text'))).toEqual({ ready: item('text'), rest: [] })
})

test('an item of ours loses its flags: nothing in it is parsed', () => {
  expect(split(...item('{broken', 2)).ready).toEqual(item('{broken', 0))
})

test('items of others and other answers stay as they are, broken or not', () => {
  const lines = ['STORED', 'VALUE other:a 2 7 5', '{broken', 'END', 'NOT_FOUND', 'STAT evictions 0', 'END', '']
  expect(split(...lines)).toEqual({ ready: lines, rest: [] })
})

describe('what looks like an answer inside of an item is a part of it', () => {
  test.each([
    'END',
    'a\r\nEND',
    'a\r\nEND\r\nSTORED',
    '\r\n',
    '',
    'a\r\n',
    'END\r\nEND\r\nVALUE sess:b 0 1 6\r\nx\r\nEND',
  ])('%j', (text) => {
    const { ready, rest } = split(...item(text), 'STORED')
    expect(ready).toEqual([`VALUE sess:a 0 ${Buffer.byteLength(text)} 5`, text, 'END', 'STORED'])
    expect(rest).toEqual([])
  })

  test('also where bytes that are no UTF-8 have made it longer', () => {
    const text = Buffer.from([0xff, 0xfe, 0xfd, 0x0d, 0x0a, 0xfc]).toString()
    expect(split(...item(text, 0, 6)).ready[1]).toBe(text)
  })
})

test('an item that has not arrived as a whole waits, and what came before it does not', () => {
  const whole = [...item('a\r\nEND\r\nb')]
  for (let arrived = 1; arrived < whole.length; arrived++) {
    const begun = whole.slice(0, arrived)
    expect(split('STORED', ...begun)).toEqual({ ready: ['STORED'], rest: begun })
  }
})
