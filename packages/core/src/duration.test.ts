import { describe, expect, test } from 'vitest'
import { toMs } from './duration.js'
import { isConfigError } from './errors.js'

describe('a duration', () => {
  test.each([
    [1_500, 1_500],
    ['500ms', 500],
    ['30s', 30_000],
    ['30m', 1_800_000],
    ['12h', 43_200_000],
    ['90d', 7_776_000_000],
    ['1.5h', 5_400_000],
    ['0.3s', 300],
    [0.6, 1],
    ['3653d', 315_619_200_000],
  ])('%j is %d ms', (value, ms) => {
    expect(toMs(value, 'idle')).toBe(ms)
  })

  test.each([
    0,
    -1,
    0.4,
    NaN,
    Infinity,
    '',
    '30',
    '30 m',
    '30M',
    '30min',
    '-30m',
    '1e3s',
    '0s',
    '3654d',
    ' 30m',
    '30m\n',
    true,
    null,
    undefined,
    ['30m'],
    30n,
  ])('%o is refused by an error that names the option, prints the value and shows how to write one', (value) => {
    let thrown: unknown
    try {
      toMs(value, 'remember.idle')
    } catch (error) {
      thrown = error
    }
    expect(isConfigError(thrown)).toBe(true)
    const { message } = thrown as Error
    expect(message).toMatch(/^remember\.idle is /)
    expect(message).toContain("'30m'")
    if (typeof value === 'string') expect(message).toContain(JSON.stringify(value).slice(1, -1))
  })
})
