// FIELD.md L10, L11: what was measured on the libraries of today, and the same here. L9 is in test/types/koa.ts: there
// `ctx.session` is proved not to be `any`. L8 for the built packages is in test/packaging.
import { createHash } from 'node:crypto'
import { createTag } from '@holdfast/conformance'
import { describe, expect, test } from 'vitest'
import type { Pages } from '../guarantees/app-server.js'
import { loggedIn, setups, startSite, type Site } from '../guarantees/site.js'
import { named } from '../guarantees/stores.js'
import { koaSessionSite, type Visit } from './them.js'

describe('L10: the id after a new one was asked for', () => {
  test('koa-session: externalKey is still the old one', async () => {
    const stored = new Map<string, string>()
    const seen: unknown[] = []
    const site = await koaSessionSite(
      {
        login: ({ session }) => void (session!['userId'] = 'ada'),
        async regenerate({ session }) {
          const { regenerate } = session as unknown as { regenerate(): Promise<void> }
          await regenerate.call(session)
          seen.push(session!['externalKey'])
        },
      },
      stored,
    )
    await site.get('/login')
    const [old] = stored.keys()
    await site.get('/regenerate')
    expect([...stored.keys()]).toEqual([expect.not.stringMatching(`^${old}$`)])
    expect(seen).toEqual([old])
  })

  const pages: Pages = {
    id: ({ session }) => session.id,
    rotate({ session }) {
      const old = session.id
      session.rotate()
      return [old, session.id]
    },
    async regenerate(visit) {
      const old = visit.session.id
      await visit.session.regenerate()
      return [old, visit.session.id]
    },
  }

  test.each(named(setups))(
    'Holdfast: session.id is the new one at once, and names what the cookie does: %s',
    async (_, setup) => {
      const site = await startSite(setup, pages)
      for (const path of ['/rotate', '/regenerate']) {
        const before = await loggedIn(site)
        const answer = await site.get(path, { cookie: before })
        const { cookie = '' } = answer
        const [old, now] = answer.page<[string, string]>()
        expect(old).toBe(keyOf(before))
        expect(now).toBe(keyOf(cookie))
        expect(now).not.toBe(old)
        expect((await site.get('/id', { cookie })).page()).toBe(now)
        expect(await site.faults[0]!.read(now)).toMatchObject({ data: expect.any(String) as string })
      }
    },
  )
})

/** The name of the record of a cookie. */
const keyOf = (cookie: string): string =>
  createHash('sha256')
    .update(cookie.slice('sid='.length, 'sid='.length + 43))
    .digest('base64url')

/** Puts other data into the stored record of a session, as who can write to the store could. */
async function tamper({ faults: [store] }: Site, cookie: string, data: (header: string) => string): Promise<void> {
  const key = keyOf(cookie)
  const record = (await store!.read(key))!
  const header = record.data!.split('\n', 1)[0] as string
  const next = { ...record, data: data(header), revision: record.revision + 1, tag: createTag() }
  expect(await store!.write(key, next, 'newer')).toEqual({ written: true })
}

const POLLUTED =
  '{"userId":"ada","__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}},"cart":{"__proto__":{"isAdmin":true}}}'

describe('L11: a stored session with keys that pollute prototypes', () => {
  const login = ({ session }: Visit): void => void (session!['userId'] = 'ada')

  test('koa-session answers 500 to every request', async () => {
    const stored = new Map<string, string>()
    const site = await koaSessionSite({ login, show: () => undefined }, stored)
    await site.get('/login')
    for (const [key, text] of stored) stored.set(key, text.replace('{', '{"__proto__":{"isAdmin":true},'))
    expect([(await site.get('/show')).status, (await site.get('/show')).status]).toEqual([500, 500])
  })

  test.each(named(setups))('Holdfast drops them, at every depth, and goes on: %s', async (_, setup) => {
    const site = await startSite(setup, {
      look({ session }) {
        const cart = session['cart'] as { isAdmin?: boolean }
        const looped: string[] = []
        for (const field in session) looped.push(field)
        return {
          admin: [
            session['isAdmin'],
            cart.isAdmin,
            ({} as { isAdmin?: boolean }).isAdmin,
            Object.assign({}, session)['isAdmin'],
          ],
          looped,
          saves: typeof session.save,
        }
      },
      set: ({ session }) => void (session['visits'] = 1),
      show: ({ session }) => ({ ...session }),
    })
    const cookie = await loggedIn(site)
    await tamper(site, cookie, (header) => `${header}\n${POLLUTED}`)
    expect((await site.get('/look', { cookie })).page()).toEqual({
      admin: [null, null, null, null],
      looped: ['userId', 'cart'],
      saves: 'function',
    })
    expect((await site.get('/set', { cookie })).status).toBe(200)
    expect((await site.get('/show', { cookie })).page()).toEqual({ userId: 'ada', cart: {}, visits: 1 })
  })

  test.each(named(setups))('Holdfast skips stored fields named like its members: %s', async (_, setup) => {
    const site = await startSite(setup, { show: ({ session }) => ({ ...session, saves: typeof session.save }) })
    const cookie = await loggedIn(site)
    await tamper(site, cookie, (header) => `${header}\n{"userId":"ada","save":1,"id":"x","destroy":null,"isNew":true}`)
    expect((await site.get('/show', { cookie })).page()).toEqual({ userId: 'ada', saves: 'function' })
  })
})

describe('stored text that is no session any more', () => {
  const pages: Pages = {
    show: ({ session }) => ({ isNew: session.isNew, data: { ...session } }),
    set: ({ session }) => void (session['userId'] = 'grace'),
  }
  const garbage: readonly [string, (header: string) => string][] = [
    ['empty', () => ''],
    ['no JSON', () => 'garbage'],
    ['cut in its header', (header) => header.slice(0, 20)],
    ['without data', (header) => header],
    ['cut in its data', (header) => `${header}\n{"userId":"a`],
    ['a list', (header) => `${header}\n[1]`],
    ['null', (header) => `${header}\nnull`],
    ['nested 100,000 levels deep', (header) => `${header}\n{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ]

  test.each(garbage)('%s: a new session and no error, and the record stays as it is', async (_, data) => {
    const site = await startSite(setups[2]!, pages)
    const cookie = await loggedIn(site)
    await tamper(site, cookie, data)
    const before = await site.faults[0]!.read(keyOf(cookie))
    for (const server of site.servers.keys()) {
      const answer = await site.get('/show', { cookie, server })
      expect(answer).toMatchObject({ status: 200, setCookies: [] })
      expect(answer.page()).toEqual({ isNew: true, data: {} })
    }
    const next = await site.get('/set', { cookie })
    expect((await site.get('/show', { cookie: next.cookie })).page()).toEqual({
      isNew: false,
      data: { userId: 'grace' },
    })
    expect(await site.faults[0]!.read(keyOf(cookie))).toEqual(before)
  })

  test('written by a later version: 503, and the record stays as it is, so that a rolling deploy logs nobody out', async () => {
    const site = await startSite(setups[2]!, pages)
    const cookie = await loggedIn(site)
    await tamper(site, cookie, (header) => `${header.replace('{"v":1,', '{"v":2,')}\n{"userId":"ada"}`)
    const before = await site.faults[0]!.read(keyOf(cookie))
    for (const path of ['/show', '/set']) {
      expect(await site.get(path, { cookie })).toMatchObject({ status: 503, setCookies: [] })
    }
    expect(await site.faults[0]!.read(keyOf(cookie))).toEqual(before)
  })
})
