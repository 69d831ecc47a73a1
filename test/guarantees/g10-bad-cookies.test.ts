import { createHash, createHmac, randomBytes } from 'node:crypto'
import { createClock } from '@holdfast/conformance'
import { describe, expect, test } from 'vitest'
import type { Data, Pages } from './app-server.js'
import { loggedIn, SECRET, setups, startSite, type Site, type Visited } from './site.js'
import { named, running, stores } from './stores.js'

const HOUR = 3_600_000
const pages: Pages = {
  show: ({ session }) => ({ isNew: session.isNew, data: { ...session } }),
  set: ({ session }) => {
    session['visits'] = 1
    return session.id
  },
  logout: ({ session }) => session.destroy(),
}

/** A cookie as the handbook says they are signed, but with an id, a deadline or a secret of the attacker's choice. */
function signed(id: string, deadline: string, secret = SECRET, name = 'sid'): string {
  const content = `${id}.${deadline}`
  return `sid=${content}.${createHmac('sha256', secret).update(`${name}=${content}`).digest('base64url')}`
}

const randomId = (): string => randomBytes(32).toString('base64url')
const inAnHour = (): string => (Date.now() + HOUR).toString(36)

/** Another character of the alphabet in this place. */
function withOther(text: string, at: number): string {
  return text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
}

/** Headers that carry no session, made of two valid cookies. */
const badHeaders = (cookie: string, other: string): Readonly<Record<string, string>> => {
  const [id = '', deadline = '', signature = ''] = cookie.slice('sid='.length).split('.')
  return {
    'its id tampered with': withOther(cookie, 'sid='.length + 5),
    'its deadline tampered with': `sid=${id}.${(Number.parseInt(deadline, 36) + 1).toString(36)}.${signature}`,
    'its deadline spelled otherwise': `sid=${id}.0${deadline}.${signature}`,
    'its signature tampered with': withOther(cookie, cookie.length - 2),
    'the last character of its signature changed': withOther(cookie, cookie.length - 1),
    'its signature cut': cookie.slice(0, -1),
    'its signature in another case': cookie.slice(0, -43) + cookie.slice(-43).toLowerCase(),
    'its signature missing': `sid=${id}.${deadline}`,
    'an empty signature': `sid=${id}.${deadline}.`,
    'something behind its signature': `${cookie}x`,
    'in quotes': `sid="${cookie.slice('sid='.length)}"`,
    'percent-encoded': `sid=${encodeURIComponent(cookie.slice('sid='.length)).replace('.', '%2E')}`,
    'a no-break space before its name': `\u00a0${cookie}`,
    'its name in capitals': cookie.replace('sid', 'SID'),
    'signed under another secret': signed(randomId(), inAnHour(), 'a secret that this server does not have'),
    'signed for another name': signed(randomId(), inAnHour(), SECRET, 'csrf'),
    'the key of the store in place of the id': signed(createHash('sha256').update(id).digest('hex'), inAnHour()),
    'a short id': signed('admin', inAnHour()),
    'an id with other characters': signed(`${'a'.repeat(40)}/../`.slice(0, 43), inAnHour()),
    empty: 'sid=',
    'a name without a value': 'sid',
    oversized: `sid=${'A'.repeat(10_000)}`,
    'oversized behind a valid beginning': `${cookie}${'A'.repeat(5_000)}`,
    'two sessions': `${cookie}; ${other}`,
    'two sessions, with others between them': `theme=dark; ${cookie}; a=b; ${other}; lang=en`,
    'more cookies of our name than are read': Array.from({ length: 9 }, () => cookie).join('; '),
    'thousands of cookies': Array.from({ length: 1_500 }, () => 'sid=1').join('; '),
  }
}

function expectNewSession(answer: Visited): void {
  expect(answer).toMatchObject({ status: 200, setCookies: [] })
  expect(answer.page()).toEqual({ isNew: true, data: {} })
}

const names = Object.keys(badHeaders('sid=a.b.c', ''))

describe.each(named(stores))('G10 bad cookies, on %s', (_, on) => {
  running(on)

  describe.each(named(setups))('%s', (_, setup) => {
    /** What a bad cookie gets: an empty session, no store call, no Set-Cookie; and data goes under a new id. */
    async function expectNoSession(site: Site, cookie: string): Promise<void> {
      site.newCalls()
      expectNewSession(await site.get('/show', { cookie }))
      expect(site.newCalls()).toEqual({ read: 0, write: 0, touch: 0 })
      const answer = await site.get('/set', { cookie })
      expect(site.newCalls()).toEqual({ read: 0, write: 1, touch: 0 })
      expect(answer.setCookies).toHaveLength(1)
      const id = (answer.cookie as string).slice('sid='.length, 'sid='.length + 43)
      expect(cookie).not.toContain(id)
      expect(answer.page()).toBe(createHash('sha256').update(id).digest('base64url'))
    }

    test(`tampered, forged, oversized, duplicated: a new session and no store call (${setup.name})`, async () => {
      const site = await startSite(setup, pages, { on })
      const [mine, other] = [await loggedIn(site), await loggedIn(site)]
      const bad = badHeaders(mine, other)
      for (const name of names) {
        await expectNoSession(site, bad[name] as string).catch((cause: unknown) => {
          throw new Error(`A cookie ${name} was not refused: ${(cause as Error).message}`, { cause })
        })
      }
      expect((await site.get('/show', { cookie: mine })).page()).toMatchObject({ isNew: false })
    })

    test(`late, past the deadline that is signed into it: a new session and no store call (${setup.name})`, async () => {
      const clock = createClock()
      const site = await startSite(setup, pages, { on, clock: clock.now, idle: '12h', absolute: '12h' })
      const cookie = await loggedIn(site)
      clock.advance(12 * HOUR - 1)
      expect((await site.get('/show', { cookie })).page()).toMatchObject({ isNew: false })
      clock.advance(1)
      await expectNoSession(site, cookie)
    })

    test(`well signed but unknown: a new session for one read, and the id is never adopted (${setup.name})`, async () => {
      const site = await startSite(setup, pages, { on })
      const cookie = signed(randomId(), inAnHour())
      site.newCalls()
      expectNewSession(await site.get('/show', { cookie }))
      expect(site.newCalls()).toEqual({ read: 1, write: 0, touch: 0 })
      const answer = await site.get('/set', { cookie })
      expect(site.newCalls()).toEqual({ read: 1, write: 1, touch: 0 })
      expect(answer.cookie?.slice(0, 47)).not.toBe(cookie.slice(0, 47))
      expectNewSession(await site.get('/show', { cookie }))
      expect((await site.get('/show', { cookie: answer.cookie })).page()).toMatchObject({ data: { visits: 1 } })
    })

    test(`destroyed, replaced by a login, or idle for too long: a new session for one read (${setup.name})`, async () => {
      const clock = createClock()
      const login: Pages = { login: ({ session }) => session.rotate() }
      const site = await startSite(setup, { ...pages, ...login }, { on, clock: clock.now })
      const [destroyed, rotated, idle] = [await loggedIn(site), await loggedIn(site), await loggedIn(site)]
      await site.get('/logout', { cookie: destroyed })
      const { cookie: current } = await site.get('/login', { cookie: rotated })
      for (const cookie of [destroyed, rotated]) {
        site.newCalls()
        expectNewSession(await site.get('/show', { cookie }))
        expect(site.newCalls()).toEqual({ read: 1, write: 0, touch: 0 })
      }
      expect((await site.get('/show', { cookie: current })).page()).toMatchObject({ isNew: false })
      clock.advance(HOUR)
      site.newCalls()
      expectNewSession(await site.get('/show', { cookie: idle }))
      expect(site.newCalls()).toEqual({ read: 1, write: 0, touch: 0 })
    })

    test(`the same cookie twice, also beside a spoiled or a late one, is the session (${setup.name})`, async () => {
      const site = await startSite(setup, pages, { on })
      const cookie = await loggedIn(site)
      const late = signed(randomId(), (Date.now() - 1).toString(36))
      for (const header of [`${cookie}; ${cookie}`, `${cookie}x; ${cookie}`, `${late}; ${cookie}`, `a=b;${cookie}`]) {
        const answer = await site.get('/show', { cookie: header })
        expect(answer.page<{ data: Data }>().data).toEqual({ userId: 'ada' })
        expect(answer.setCookies).toEqual([])
      }
    })

    test(`an older secret of the ring is accepted and its cookie signed anew; one that left it is forged (${setup.name})`, async () => {
      const older = 'the secret of last year, 32 bytes at least'
      const site = await startSite(setup, pages, { on, secret: [SECRET, older] })
      const cookie = await loggedIn(site)
      const [id = '', deadline = ''] = cookie.slice('sid='.length).split('.')
      const old = signed(id, deadline, older)
      const answer = await site.get('/show', { cookie: old })
      expect(answer.page()).toMatchObject({ isNew: false })
      expect(answer.cookie).toBe(cookie)
      await expectNoSession(site, signed(id, deadline, 'a secret that nobody has any more, 32 bytes'))
    })
  })
})
