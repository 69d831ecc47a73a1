import { createSecretKey, randomInt } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { resolveCookie } from '../../packages/core/src/cookie-options.js'
import { createCookies, keyOf, newSessionId } from '../../packages/core/src/cookies.js'

const RUNS = 100_000
const NOW = 1_800_000_000_000
const HOUR = 3_600_000
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const keys = ['the-newest-secret-of-more-than-32-bytes', 'an-older-secret-of-more-than-32-bytes-too'].map((secret) =>
  createSecretKey(Buffer.from(secret)),
)
const cookie = resolveCookie({}, 'production')
const newCookies = () => createCookies(cookie, keys, () => NOW)
const cookies = newCookies()

/** Printed by fast-check when a run fails; HOLDFAST_SEED repeats it. */
const seed = Number(process.env['HOLDFAST_SEED'] ?? randomInt(2 ** 31))

const signed = Array.from({ length: 4 }, (_, index) => {
  const id = newSessionId()
  return { id, pair: createCookies(cookie, keys.slice(index % 2), () => NOW).header(id, NOW + HOUR) }
})
const ids = new Map(signed.map(({ pair, id }) => [pair, id]))

/** One change: a character replaced, removed, inserted or doubled, a cut, a swap, another case. */
const mutation = fc.record({
  kind: fc.constantFrom('replace', 'remove', 'insert', 'cut', 'swap', 'case', 'repeat'),
  at: fc.nat(),
  text: fc.oneof(fc.constantFrom(...'; =,."\t\0\r\n\u00a0\u2000$%-_'), fc.string({ unit: 'binary', maxLength: 4 })),
})

type Mutation = typeof mutation extends fc.Arbitrary<infer Value> ? Value : never

function mutate(text: string, { kind, at, text: other }: Mutation): string {
  const index = text.length === 0 ? 0 : at % text.length
  const before = text.slice(0, index)
  const character = text.charAt(index)
  const after = text.slice(index + 1)
  switch (kind) {
    case 'replace':
      return before + other + after
    case 'remove':
      return before + after
    case 'insert':
      return before + other + character + after
    case 'cut':
      return before
    case 'swap':
      return before + after.charAt(0) + character + after.slice(1)
    case 'case':
      return (
        before + (character === character.toUpperCase() ? character.toLowerCase() : character.toUpperCase()) + after
      )
    default:
      return `${text}; ${text}`
  }
}

const token = fc.string({ unit: fc.constantFrom(...ALPHABET, '.'), minLength: 90, maxLength: 100 })
const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...ids.keys()) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 1, arbitrary: token.map((value) => `${cookie.name}=${value}`) },
  { weight: 1, arbitrary: fc.constantFrom(`${cookie.name}=`, '$Version=1', '=', ';', 'a=1', `a="`, `${cookie.name}`) },
)
const separator = fc.constantFrom('; ', ';', ' ; ', ',', '\t;', '', '\u00a0;', '; \u00a0')
const header = fc
  .tuple(fc.array(fc.tuple(piece, separator), { maxLength: 12 }), fc.array(mutation, { maxLength: 2 }))
  .map(([pieces, mutations]) => mutations.reduce(mutate, pieces.flat().join('')))

/** What the header says, by the plainest reading: split at semicolons, drop blanks and tabs, compare whole pairs. */
function idsIn(text: string): string[] {
  const pairs = text.split(';').map((pair) => pair.replace(/^[ \t]+|[ \t]+$/g, ''))
  return [...new Set(pairs.flatMap((pair) => ids.get(pair) ?? []))]
}

test(`100,000 random and mutated cookie headers: none throws, none names a session that was not signed (seed ${seed})`, () => {
  const seen = { valid: 0, none: 0, invalid: 0, late: 0, duplicate: 0 }
  fc.assert(
    fc.property(header, (text) => {
      const reading = cookies.read(text)
      seen[reading.state]++
      const present = idsIn(text)
      if (reading.state === 'valid') {
        expect(present).toEqual([reading.id])
        expect(reading.key).toBe(keyOf(reading.id))
      } else if (present.length === 1) {
        expect(text.split(`${cookie.name}=`).length - 1).toBeGreaterThan(8)
      } else if (present.length > 1) {
        expect(reading.state).toBe('duplicate')
      }
    }),
    { numRuns: RUNS, seed },
  )
  // The generator reaches every state but late, which no header can bring about: the deadline is signed.
  for (const state of ['valid', 'none', 'invalid', 'duplicate'] as const)
    expect(seen[state]).toBeGreaterThan(RUNS / 100)
}, 120_000)

test('every change of a single character of a valid cookie is refused', () => {
  const pair = signed[0]!.pair
  const value = pair.slice(cookie.name.length + 1)
  const others = [...ALPHABET, ...'.;,= "\t\0\n%~\u00e9\u0141']
  for (const fresh of [newCookies(), cookies]) {
    for (let at = 0; at < value.length; at++) {
      for (const other of others) {
        if (other === value[at]) continue
        const changed = `${cookie.name}=${value.slice(0, at)}${other}${value.slice(at + 1)}`
        if (fresh.read(changed).state !== 'invalid') expect.unreachable(`${JSON.stringify(other)} at ${at}`)
      }
      const shorter = `${cookie.name}=${value.slice(0, at)}${value.slice(at + 1)}`
      if (fresh.read(shorter).state !== 'invalid') expect.unreachable(`without ${at}`)
    }
    expect(fresh.read(pair).state).toBe('valid')
  }
})

test('a header of 64 KB takes no longer than its length allows, whatever it repeats', () => {
  const timeOf = (text: string): number => {
    const startedAt = performance.now()
    cookies.read(text)
    return performance.now() - startedAt
  }
  const hostile = [`${cookie.name}=`, ` ${cookie.name}=`, ';', ' ', '\t;', `; ${cookie.name}=${'A'.repeat(97)}`]
  for (const unit of hostile) {
    const text = `${cookie.name}=x`.concat(unit.repeat(65_536 / unit.length))
    expect(Math.min(...Array.from({ length: 5 }, () => timeOf(text)))).toBeLessThan(50)
  }
})
