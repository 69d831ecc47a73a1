import { createClock } from '@holdfast/conformance'
import type { Duration } from '@holdfast/core'
import { describe, expect, test } from 'vitest'
import { Gate, until } from '../hold/fake-target.js'
import type { Pages } from './app-server.js'
import { loggedIn, startSite, three, type Site } from './site.js'
import { named, running, stores } from './stores.js'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const TEN_YEARS = 3_653 * DAY

const pages: Pages = {
  read: ({ session }) => session['userId'],
  write: ({ session }) => void (session['visits'] = Number(session['visits'] ?? 0) + 1),
  times: ({ session }) => [session.expiresAt, session.absoluteExpiresAt],
  id: ({ session }) => session.id,
  remember: ({ session }) => session.remember(),
  rememberShort: ({ session }) => session.remember({ idle: '7d', absolute: '14d' }),
}

const isAlive = async (site: Site, cookie: string): Promise<boolean> =>
  (await site.get('/read', { cookie })).page() === 'ada'

/** [what it is called, idle, absolute] in ms. */
const lifetimes: readonly [string, number, number][] = [
  ['300 ms', 300, 12 * HOUR],
  ['1 s', SECOND, 12 * HOUR],
  ['30 min', 30 * MINUTE, 12 * HOUR],
  ['29 days', 29 * DAY, 400 * DAY],
  ['31 days', 31 * DAY, 400 * DAY],
  ['10 years', TEN_YEARS, TEN_YEARS],
]

describe.each(named(stores))('G11 deadlines, on %s', (_, on) => {
  running(on)

  test.each(lifetimes)('idle %s: alive in the ms before, over in that ms', async (_, idle, absolute) => {
    const clock = createClock()
    const site = await startSite(three, pages, { on, clock: clock.now, idle, absolute })
    const [early, late] = [await loggedIn(site), await loggedIn(site)]
    clock.advance(idle - 1)
    expect(await isAlive(site, early)).toBe(true)
    clock.advance(1)
    expect(await isAlive(site, late)).toBe(false)
  })

  test.each(lifetimes.slice(0, -1))(
    'idle %s: a request moves the deadline, by nine tenths of the idle time at least and never by more than it',
    async (_, idle, absolute) => {
      const clock = createClock()
      const site = await startSite(three, pages, { on, clock: clock.now, idle, absolute })
      // Requests at odd intervals, so that they meet the deadline wherever it was moved to.
      for (const path of ['/read', '/write']) {
        for (const interval of [0.03, 0.11, 0.29, 0.5, 0.89]) {
          const [used, left] = [await loggedIn(site), await loggedIn(site)]
          for (let i = 0; i < 4; i++) {
            clock.advance(Math.floor(interval * idle))
            await site.get(path, { cookie: used })
            await site.get(path, { cookie: left })
          }
          clock.advance(Math.floor(0.9 * idle))
          expect(await isAlive(site, used)).toBe(true)
          clock.advance(idle - Math.floor(0.9 * idle))
          expect(await isAlive(site, left)).toBe(false)
        }
      }
    },
  )

  test.each<[string, number, number]>([
    ['300 ms', 100, 300],
    ['12 h', 30 * MINUTE, 12 * HOUR],
    ['31 days', 4 * DAY, 31 * DAY],
    ['10 years', 365 * DAY, TEN_YEARS],
  ])(`absolute %s: neither readers nor writers move it, and it is over in that ms`, async (_, idle, absolute) => {
    const clock = createClock()
    const site = await startSite(three, pages, { on, clock: clock.now, idle, absolute })
    const cookie = await loggedIn(site)
    const startedAt = clock.now()
    const step = Math.floor(0.8 * idle)
    while (clock.now() + step < startedAt + absolute) {
      clock.advance(step)
      await site.get('/write', { cookie })
      const [expiresAt, absoluteAt] = (await site.get('/times', { cookie })).page<[number, number]>()
      expect(absoluteAt).toBe(startedAt + absolute)
      expect(expiresAt).toBeLessThanOrEqual(startedAt + absolute)
    }
    clock.advance(startedAt + absolute - 1 - clock.now())
    expect(await isAlive(site, cookie)).toBe(true)
    clock.advance(1)
    expect(await isAlive(site, cookie)).toBe(false)
  })

  test('remember(): 30 days idle and 90 in all, and the browser keeps the cookie until then', async () => {
    const clock = createClock()
    const site = await startSite(three, pages, { on, clock: clock.now })
    const startedAt = clock.now()
    const { cookie, setCookies } = await site.get('/remember', { cookie: await loggedIn(site) })
    expect(setCookies).toEqual([expect.stringContaining(`Max-Age=${(90 * DAY) / SECOND};`)])
    for (let day = 25; day < 90; day += 25) {
      clock.advance(25 * DAY)
      const answer = await site.get('/read', { cookie })
      expect(answer.page()).toBe('ada')
      expect(answer.setCookies).toEqual([])
    }
    clock.advance(startedAt + 90 * DAY - 1 - clock.now())
    expect(await isAlive(site, cookie as string)).toBe(true)
    clock.advance(1)
    expect(await isAlive(site, cookie as string)).toBe(false)
  })

  test('remember() called by each request never moves the end', async () => {
    const clock = createClock()
    const site = await startSite(three, pages, { on, clock: clock.now })
    const startedAt = clock.now()
    let { cookie } = await site.get('/remember', { cookie: await loggedIn(site) })
    for (let day = 20; day < 90; day += 20) {
      clock.advance(20 * DAY)
      const again = await site.get('/remember', { cookie })
      cookie = again.cookie ?? cookie
      const [, absoluteAt] = (await site.get('/times', { cookie })).page<[number, number]>()
      expect(absoluteAt).toBe(startedAt + 90 * DAY)
    }
  })

  test(`remember({ idle: '7d', absolute: '14d' }): over after a week without a request, or after two`, async () => {
    const clock = createClock()
    const site = await startSite(three, pages, { on, clock: clock.now })
    const [idle, used] = await Promise.all(
      [1, 2].map(async () => {
        const { cookie } = await site.get('/rememberShort', { cookie: await loggedIn(site) })
        return cookie as string
      }),
    )
    clock.advance(6.5 * DAY)
    expect(await isAlive(site, used as string)).toBe(true)
    clock.advance(0.5 * DAY)
    expect(await isAlive(site, idle as string)).toBe(false)
    // Nine tenths of a week after it was used: the deadline may have been moved to a tenth less.
    clock.advance(5.8 * DAY)
    expect(await isAlive(site, used as string)).toBe(true)
    clock.advance(1.2 * DAY)
    expect(await isAlive(site, used as string)).toBe(false)
  })

  test('what is over is over for sessions.read, update and listByUser too', async () => {
    const clock = createClock()
    const site = await startSite(three, pages, { on, clock: clock.now })
    const { sessions } = site.servers[0]!
    const { cookie } = await sessions.create({ userId: 'ada' }, { userId: 'ada' })
    const socket = { headers: { cookie } } as Parameters<typeof sessions.read>[0]
    clock.advance(30 * MINUTE - 1)
    expect(await sessions.read(socket)).toEqual({ userId: 'ada' })
    expect(await sessions.listByUser('ada')).toHaveLength(1)
    clock.advance(1)
    expect(await sessions.read(socket)).toBeUndefined()
    expect(await sessions.listByUser('ada')).toEqual([])
    await expect(sessions.update(socket, () => {})).rejects.toMatchObject({ code: 'SESSION_GONE' })
  })

  test('a session that ends while a request is at work is not brought back by what that request changed', async () => {
    const clock = createClock()
    const gate = new Gate()
    let entered = false
    const slow: Pages = {
      async slow({ session }) {
        session['late'] = true
        entered = true
        await gate.passed
      },
    }
    const site = await startSite(three, { ...pages, ...slow }, { on, clock: clock.now })
    const cookie = await loggedIn(site)
    const request = site.get('/slow', { cookie })
    await until(() => entered)
    clock.advance(30 * MINUTE)
    gate.open()
    expect(await request).toMatchObject({ status: 200, setCookies: [] })
    expect(await isAlive(site, cookie)).toBe(false)
  })

  test('deadlines written as text mean what they say', async () => {
    const clock = createClock()
    const texts: readonly [Duration, number][] = [
      ['300ms', 300],
      ['45s', 45 * SECOND],
      ['1.5h', 1.5 * HOUR],
      ['3653d', TEN_YEARS],
    ]
    for (const [absolute, ms] of texts) {
      const site = await startSite(three, pages, { on, clock: clock.now, idle: absolute, absolute })
      const cookie = await loggedIn(site)
      expect((await site.get('/times', { cookie })).page()).toEqual([clock.now() + ms, clock.now() + ms])
    }
  })
})
