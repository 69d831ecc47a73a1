import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import compression from 'compression'
import compression17 from 'compression-1.7'
import express from 'express'
import express4 from 'express4'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange, listen, type Answer } from './exchange.js'
import { expressApp, type HoldApp } from './express-app.js'
import { bytesSent, FakeTarget, settle } from './fake-target.js'
import { handlers } from './handlers.js'

const folder = await mkdtemp(join(tmpdir(), 'holdfast-'))
const file = join(folder, 'big.txt')
await writeFile(file, 'abcdefghij klmnop\n'.repeat(60_000))
afterAll(() => rm(folder, { recursive: true }))

/** What may leave before the commit: an informational answer. */
const EARLY_HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n'

const majors = { 'Express 4': express4, 'Express 5': express }
const wraps = {
  'without compression': {},
  'compression 1.7 above': { before: compression17() },
  'compression 1.7 below': { after: compression17() },
  'compression 1.8 above': { before: compression() },
  'compression 1.8 below': { after: compression() },
}
const setups = Object.entries(majors).flatMap(([major, create]) =>
  Object.entries(wraps).map(([wrap, around]) => ({ name: `${major}, ${wrap}`, express: create, file, ...around })),
)

describe.each(setups)('a held response is what it would be unheld: $name', (setup) => {
  /** Bytes that had left when the commit ended. */
  let leaked: number
  const bare = expressApp(setup, () => undefined)
  const clean = expressApp(setup, (_, res) => Object.assign(new FakeTarget(res), { needed: false }))
  const held = expressApp(setup, (req, res) => {
    return new FakeTarget(res, 'sid=1', async () => {
      await settle()
      leaked = bytesSent(req)
    })
  })
  const apps = [bare, clean, held]
  beforeAll(() => Promise.all(apps.map((app) => listen(app.server))))
  afterAll(() => apps.forEach((app) => app.server.close()))

  // on-headers 1.0, which compression 1.7 has, takes a flat array of headers apart, letter by letter.
  const names = Object.keys(handlers).filter((name) => !(setup.name.includes('1.7') && name.includes('array')))

  test.each(names)('%s', async (name) => {
    const expected = await seen(bare, name)
    expect(await seen(clean, name)).toEqual(expected)
    expect(clean.run.target).toMatchObject({ commits: 0, heads: 1, told: [] })

    leaked = -1
    expect(await seen(held, name)).toEqual({ ...expected, ownCookie: !expected.answer.broken })
    expect(leaked).toBe(name === 'early hints' ? EARLY_HINTS.length : 0)
    if (!expected.answer.broken) expect(held.run.logged).toEqual([`GET ${expected.answer.status}`])
    expect(held.run.target).toMatchObject({ commits: 1, heads: expected.answer.broken ? 0 : 1, told: [] })
  })

  test('HEAD and 304', async () => {
    for (const app of [clean, held]) {
      const path = '/an%20etag'
      const full = await exchange(app.server, path)
      const unchanged = await exchange(app.server, path, { headers: { 'if-none-match': full.headers.etag! } })
      const head = await exchange(app.server, path, { method: 'HEAD' })
      expect(unchanged).toMatchObject({ status: 304, body: '' })
      expect(head).toMatchObject({ status: 200, body: '', headers: { 'content-length': '1500' } })
      for (const { headers } of [unchanged, head])
        expect(headers['set-cookie']).toEqual(app === held ? ['sid=1'] : undefined)
    }
  })

  test('a range of a file', async () => {
    const options = { headers: { range: 'bytes=0-9' } }
    const expected = await exchange(bare.server, '/sendFile', options)
    expect(expected).toMatchObject({ status: 206, body: 'abcdefghij' })
    const answer = await exchange(held.server, '/sendFile', options)
    expect(comparable(answer)).toEqual(comparable(expected))
  })
})

async function seen(app: HoldApp, name: string) {
  const answer = await exchange(app.server, `/${encodeURIComponent(name)}`, { headers: { 'accept-encoding': 'gzip' } })
  await app.run.closed
  await settle()
  const { notes } = app.run
  return {
    answer: comparable(answer),
    notes,
    ownCookie: answer.headers['set-cookie']?.includes('sid=1') ?? false,
  }
}

/**
 * The answer without the moment and without our own cookie. How its length is told is left out: where the app or
 * compression calls `writeHead` before the last byte, Node sends chunks, while a held head goes out with the body.
 */
function comparable({ status, reason, headers, body, broken }: Answer) {
  if (broken) return { broken }
  const { date: _, 'set-cookie': cookies, 'content-length': __, 'transfer-encoding': ___, ...rest } = headers
  return { status, reason, headers: rest, cookies: cookies?.filter((cookie) => cookie !== 'sid=1') ?? [], body, broken }
}
