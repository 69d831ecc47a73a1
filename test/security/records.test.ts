import { randomInt } from 'node:crypto'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { createEngine, isStoreUnavailable, join, type SessionRecord, type SessionStore } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decode, encode, parseData } from '../../packages/core/src/codec.js'

const RUNS = 100_000
const NOW = 1_800_000_000_000

/** Printed by fast-check when a run fails; HOLDFAST_SEED repeats it. */
const seed = Number(process.env['HOLDFAST_SEED'] ?? randomInt(2 ** 31))

const envelope = (text: string): string =>
  encode({
    ...{ createdAt: NOW, idleMs: 1_800_000, absoluteAt: NOW + 43_200_000, persistent: true, user: 'ann', text },
    tags: ['abcdefgh', 'ijklmnop'],
    stamps: new Map([['cart', 1], ['lang', 2]]), // prettier-ignore
  })
const texts = [
  '{"cart":[{"id":7,"note":"\\u0001 ü"}],"lang":"de"}',
  '{}',
  '{"save":1,"id":2,"toJSON":"x","constructor":{}}',
]
const whole = texts.map(envelope)

const hostile = fc.constantFrom(
  ...[
    '{',
    '}',
    '[',
    ']',
    '"',
    ',',
    ':',
    '\n',
    '\\',
    '\\u005f',
    '0',
    '-',
    '1e999',
    'null',
    '{"v":',
    '{"v":1,',
    '"v":2,',
  ],
  ...['"__proto__":{"admin":1},', '"constructor":{"prototype":{"admin":1}},', '\u0000', '\ud800', '[[[[', '{"a":'],
  '['.repeat(20_000),
)
const noise = fc.oneof(
  { weight: 3, arbitrary: hostile },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
)
const change = fc.record({ at: fc.nat(), removes: fc.nat(3), inserts: noise })
type Change = typeof change extends fc.Arbitrary<infer One> ? One : never

const changed = (text: string, { at, removes, inserts }: Change): string => {
  const index = at % (text.length + 1)
  return text.slice(0, index) + inserts + text.slice(index + removes)
}

/** Half of them whole records with up to three changes, or cut off; the others made of pieces of records and noise. */
const data = fc.oneof(
  fc
    .tuple(fc.constantFrom(...whole), fc.array(change, { maxLength: 3 }))
    .map(([text, all]) => all.reduce(changed, text)),
  fc.tuple(fc.constantFrom(...whole), fc.nat()).map(([text, length]) => text.slice(0, length % text.length)),
  fc.array(fc.oneof(noise, fc.constantFrom(...whole, ...texts)), { maxLength: 6 }).map((pieces) => pieces.join('')),
  fc.tuple(fc.jsonValue(), fc.jsonValue()).map(([a, b]) => `${JSON.stringify(a)}\n${JSON.stringify(b)}`),
  fc.tuple(fc.constantFrom(...whole), fc.integer({ min: -1, max: 999 })).map(([text, v]) => text.replace('1', `${v}`)),
  fc
    .tuple(fc.constantFrom('c', 'i', 'x', 'p', 'u', 't', 's', 'o'), fc.json({ maxDepth: 2 }))
    .map(([name, json]) =>
      (whole[0] as string).replace(new RegExp(`"${name}":("[^"]*"|\\d+|\\{[^}]*\\})`), () => `"${name}":${json}`),
    ),
)
const recordOf = (text: string): SessionRecord => ({
  ...{ data: text, revision: 2, tag: 'abcdefgh', expiresAt: NOW + 1_800_000 },
})

/** Whether a merge of this into another object would reach a prototype: by its own, or by that of its constructor. */
const pollutes = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(value).some(
    ([key, inner]) =>
      key === '__proto__' || (key === 'constructor' && Object.hasOwn(Object(inner), 'prototype')) || pollutes(inner),
  )

test(`100,000 random and mutated records: each gets an answer, none pollutes a prototype (seed ${seed})`, () => {
  const seen = { ok: 0, undecodable: 0, newer: 0, data: 0 }
  const sound = recordOf(whole[0] as string)
  fc.assert(
    fc.property(data, (text) => {
      const decoded = decode(text)
      seen[decoded.state]++
      if (decoded.state === 'undecodable' && !/^[A-Za-z ]{10,60}$/.test(decoded.reason))
        expect.unreachable(decoded.reason)
      if (join(sound, recordOf(text)).data === undefined) expect.unreachable('no record')
      if (decoded.state !== 'ok') return
      if (decoded.envelope.tags.length === 0 || decoded.envelope.stamps.size < 0) expect.unreachable('no tags')
      const parsed = parseData(decoded.envelope.text)
      if (!parsed) return
      seen.data++
      if (Object.getPrototypeOf(parsed) !== Object.prototype) expect.unreachable('another prototype')
      if (pollutes(parsed)) expect.unreachable('a polluting key')
    }),
    { numRuns: RUNS, seed },
  )
  expect(({} as { admin?: number }).admin).toBeUndefined()
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(RUNS / 200)
}, 120_000)

test(`requests with random and mutated records: no error but 503 for a later version, and what cannot be read stays (seed ${seed})`, async () => {
  const inner = memoryStore({ clock: () => NOW })
  let stored: SessionRecord
  let written: string | undefined
  const store: SessionStore = {
    ...{ name: 'forged', guarded: true, close: () => inner.close() },
    read: async () => stored,
    touch: async () => ({ written: true }),
    write: async (key) => {
      written = key
      return { written: true }
    },
  }
  const secret = 'a secret of at least thirty-two bytes'
  const sessions = createEngine<Record<string, unknown>>({ secret, store, clock: () => NOW })
  const { cookie, id } = await sessions.create({ login: true })

  await fc.assert(
    fc.asyncProperty(data, async (text) => {
      stored = recordOf(text)
      written = undefined
      const req = Object.assign(new IncomingMessage(new Socket()), { url: '/', headers: { cookie } })
      const res = new ServerResponse(req)
      const decoded = decode(text)
      try {
        const request = await sessions.attach(req, res)
        if (!request) return expect.unreachable('the request was skipped')
        const isLive =
          decoded.state === 'ok' && decoded.envelope.absoluteAt > NOW && parseData(decoded.envelope.text) !== undefined
        if (request.session.isNew === isLive) expect.unreachable(`new: ${request.session.isNew}`)
        request.session['visits'] = 1
        await request.commit(200)
        if (written === undefined || (written === id) !== isLive) expect.unreachable(`written: ${written}`)
      } catch (error) {
        if (decoded.state !== 'newer' || !isStoreUnavailable(error) || written !== undefined) throw error
      }
    }),
    { numRuns: RUNS / 5, seed },
  )
}, 120_000)
