import { createClock } from '@holdfast/conformance'
import type { SessionRecord } from '@holdfast/core'
import { describe, expect, test } from 'vitest'
import { Gate, until } from '../hold/fake-target.js'
import type { Pages } from './app-server.js'
import { Meeting } from './meeting.js'
import { loggedIn, setups, startSite, three, type Site } from './site.js'
import { named, running, stores, type StoreUnderTest } from './stores.js'

const MINUTE = 60_000
const IDLE = 30 * MINUTE
const TENTH = IDLE / 10

const pages: Pages = {
  read: ({ session }) => session['userId'],
  same: ({ session }) => {
    session['userId'] = 'ada'
    session['cart'] = { apples: 1, pears: [2] }
  },
  id: ({ session }) => session.id,
  untouched: () => 'the handler does not look at its session',
  set: ({ session, query }) => void (session['field'] = query.get('to')),
}

const record = async ({ faults }: Site, key: string): Promise<SessionRecord> =>
  (await faults[0]!.read(key)) as SessionRecord

const times = (n: number, ask: () => Promise<unknown>): Promise<unknown> => Promise.all(Array.from({ length: n }, ask))

describe.each(named(stores))('G4 readers write nothing, on %s', (_, on) => {
  running(on)

  describe.each(named(setups))('%s', (_, setup) => {
    test(`100 readers at once: one read each and nothing else (${setup.name})`, async () => {
      const clock = createClock()
      const site = await startSite(setup, pages, { on, clock: clock.now })
      const cookie = await loggedIn(site, { userId: 'ada', cart: { apples: 1, pears: [2] } })
      site.newCalls()
      for (const path of ['/read', '/same', '/untouched']) {
        await times(100, () => site.get(path, { cookie }))
        expect(site.newCalls()).toEqual({ read: 100, write: 0, touch: 0 })
        clock.advance(TENTH / 4)
      }
    })

    test(`a tenth of the idle time later 100 readers at once move the deadline once, and nothing else (${setup.name})`, async () => {
      const clock = createClock()
      const meeting = new Meeting(100)
      const together: Pages = {
        async together({ session }) {
          void session['userId']
          await meeting.join()
        },
      }
      const site = await startSite(setup, { ...pages, ...together }, { on, clock: clock.now })
      const cookie = await loggedIn(site)
      const key = (await site.get('/id', { cookie })).page<string>()
      const { token: _before, ...before } = await record(site, key)
      clock.advance(TENTH + 1)
      site.newCalls()
      await times(100, () => site.get('/together', { cookie }))
      const { read, write, touch } = site.newCalls()
      expect({ read, write }).toEqual({ read: 100, write: 0 })
      expect(touch).toBeGreaterThan(0)
      expect(touch).toBeLessThanOrEqual(setup.servers.length)
      const { token: _after, ...after } = await record(site, key)
      expect(after).toEqual({ ...before, expiresAt: after.expiresAt })
      expect(after.expiresAt).toBeGreaterThan(before.expiresAt)
      await times(100, () => site.get('/read', { cookie }))
      expect(site.newCalls()).toMatchObject({ write: 0, touch: 0 })
    })

    test(`a reader a minute for three hours: the login holds, with one touch per tenth of the idle time (${setup.name})`, async () => {
      const clock = createClock()
      const site = await startSite(setup, pages, { on, clock: clock.now })
      const cookie = await loggedIn(site)
      site.newCalls()
      for (let minute = 0; minute < 3 * 60; minute++) {
        clock.advance(MINUTE)
        expect((await site.get('/read', { cookie })).page()).toBe('ada')
      }
      const { read, write, touch } = site.newCalls()
      expect({ read, write }).toEqual({ read: 180, write: 0 })
      expect(touch).toBeLessThanOrEqual((3 * 60) / 3)
      expect(touch).toBeGreaterThan(40)
    })

    test(`visitors without a session cost no store call (${setup.name})`, async () => {
      const site = await startSite(setup, pages, { on })
      const answers = await Promise.all(
        ['/read', '/untouched', '/id'].flatMap((path) =>
          [undefined, 'theme=dark', 'sid=', 'sidecar=1; xsid=2'].map((cookie) => site.get(path, { cookie })),
        ),
      )
      for (const answer of answers) expect(answer).toMatchObject({ status: 200, setCookies: [] })
      expect(site.newCalls()).toEqual({ read: 0, write: 0, touch: 0 })
    })

    test(`skipped requests cost no store call, with a valid cookie too (${setup.name})`, async () => {
      const site = await startSite(setup, pages, { on, skip: ({ url }) => url === '/untouched' })
      const cookie = await loggedIn(site)
      site.newCalls()
      expect(await site.get('/untouched', { cookie })).toMatchObject({ status: 200, setCookies: [] })
      expect(site.newCalls()).toEqual({ read: 0, write: 0, touch: 0 })
    })
  })

  test('slow readers on other servers never undo what was written meanwhile', async () => {
    const clock = createClock()
    const gate = new Gate()
    let inFlight = 0
    const slow: Pages = {
      async slow({ session }) {
        const seen = session['field']
        inFlight++
        await gate.passed
        return seen
      },
      show: ({ session }) => session['field'],
    }
    const site = await startSite(three, { ...pages, ...slow }, { on, clock: clock.now })
    const cookie = await loggedIn(site, { field: 'old' })
    clock.advance(10 * MINUTE) // Each of them owes a touch.
    const readers = Array.from({ length: 20 }, () => site.get('/slow', { cookie }))
    await until(() => inFlight === 20)
    await site.get('/set?to=new', { cookie })
    gate.open()
    for (const reader of await Promise.all(readers)) expect(reader.page()).toBe('old')
    expect((await site.get('/show', { cookie })).page()).toBe('new')
  })

  test('three servers whose clocks tick while they answer move the deadline once per tenth of the idle time', async () => {
    const clock = createClock()
    const moved = new Counter()
    // Each look at the clock is a ms later than the one before.
    const tick = () => (clock.advance(1), clock.now())
    const site = await startSite(three, pages, { on: counting(on, moved), clock: tick })
    clock.advance(TENTH - (clock.now() % TENTH))
    const cookie = await loggedIn(site)
    for (let tenth = 1; tenth <= 10; tenth++) {
      clock.advance(TENTH)
      const gate = new Gate()
      site.newCalls()
      for (const store of site.faults) store.fault = { kind: 'delay', until: gate.passed, on: 'touch' }
      const readers = Array.from({ length: 30 }, () => site.get('/read', { cookie }))
      await until(() => site.faults.every(({ calls }) => calls.touch > 0))
      gate.open()
      await Promise.all(readers)
      expect(moved.count).toBeLessThanOrEqual(tenth)
    }
  })
})

class Counter {
  count = 0
}

/** Counts the touches that moved a deadline. */
const counting = (on: StoreUnderTest, moved: Counter): StoreUnderTest => ({
  ...on,
  async open(clock) {
    const shared = await on.open(clock)
    return {
      close: () => shared.close(),
      connect() {
        const store = shared.connect()
        return {
          name: store.name,
          read: (...args) => store.read(...args),
          write: (...args) => store.write(...args),
          close: () => store.close(),
          async touch(...args) {
            const outcome = await store.touch(...args)
            if (outcome.written) moved.count++
            return outcome
          },
        }
      },
    }
  },
})
