import { createClock, type Fault } from '@holdfast/conformance'
import { isSessionGone } from '@holdfast/core'
import { describe, expect, test } from 'vitest'
import { Gate, until } from '../hold/fake-target.js'
import type { Data, Page, Pages } from './app-server.js'
import { loggedIn, setups, startSite, three, type Site, type Visited } from './site.js'
import { named, running, stores } from './stores.js'

const pages: Pages = {
  show: ({ session }) => ({ isNew: session.isNew, data: { ...session } }),
  logout: ({ session }) => session.destroy(),
  set: ({ session }) => void (session['set'] = true),
}

/** Ends the session as a user of the handbook would; every way has to win. */
const logouts: Readonly<Record<string, Page>> = {
  'destroy()': ({ session }) => session.destroy(),
  '= null': ({ assign }) => assign(null),
  'regenerate()': ({ session }) => session.regenerate(),
  'destroyByUser()': ({ sessions }) => sessions.destroyByUser('ada'),
}

/** What may be in flight while the user logs out. What it does to a session that has ended may fail, but never undo that. */
const slow: Readonly<Record<string, Page>> = {
  'changes a field': ({ session }) => void (session['late'] = true),
  'changes a nested field': ({ session }) => void ((session['cart'] as Data)['late'] = true),
  'replaces the data': ({ assign }) => assign({ userId: 'mallory' }),
  'only reads': ({ session }) => session['userId'],
  'calls save()': ({ session }) => ((session['late'] = true), gone(session.save())),
  'calls reload()': ({ session }) => gone(session.reload()),
  'calls rotate()': ({ session }) => session.rotate(),
  'calls rotate() and save()': ({ session }) => (session.rotate(), gone(session.save())),
  'calls remember()': ({ session }) => session.remember(),
  'calls bindUser()': ({ session }) => session.bindUser('ada'),
}

const gone = (promise: Promise<void>): Promise<void> =>
  promise.catch((error: unknown) => {
    if (!isSessionGone(error)) throw error
  })

/** A page that waits, with its session read, until the gate is open. */
function waiting(page: Page, gate: Gate, entered: () => void): Page {
  return async (visit) => {
    void visit.session['userId']
    entered()
    await gate.passed
    return page(visit)
  }
}

async function expectLoggedOut(site: Site, cookie: string): Promise<void> {
  for (const server of site.servers.keys()) {
    let answer = await site.get('/show', { cookie, server })
    // A breaker that opened lets a probe through in a while.
    while (answer.status === 503) answer = await site.get('/show', { cookie, server })
    expect(answer.page()).toEqual({ isNew: true, data: {} })
  }
}

describe.each(named(stores))('G2 destroy wins, on %s', (_, on) => {
  running(on)

  describe.each(named(setups))('%s', (_, setup) => {
    test.each(Object.keys(logouts))(
      `a logout by %s beside 20 slow requests: the session never comes back (${setup.name})`,
      async (how) => {
        const clock = createClock()
        const gate = new Gate()
        let inFlight = 0
        const site = await startSite(
          setup,
          {
            ...pages,
            login: async ({ session }) => {
              Object.assign(session, { userId: 'ada', cart: {} })
              await session.bindUser('ada')
            },
            logout: logouts[how] as Page,
            ...Object.fromEntries(
              Object.values(slow).map((page, i) => [`slow${i}`, waiting(page, gate, () => void inFlight++)]),
            ),
          },
          { on, clock: clock.now },
        )
        const { cookie } = await site.get('/login')
        clock.advance(10 * 60_000) // Each of them owes a touch.
        const paths = [...Object.keys(slow).keys()].flatMap((i) => [`/slow${i}`, `/slow${i}`])
        const others = paths.map((path) => site.get(path, { cookie }))
        await until(() => inFlight === paths.length)
        expect((await site.get('/logout', { cookie })).status).toBe(200)
        gate.open()
        for (const other of await Promise.all(others)) {
          expect(other).toMatchObject({ status: 200, setCookies: [] })
        }
        await expectLoggedOut(site, cookie as string)
        clock.advance(20 * 60_000)
        await expectLoggedOut(site, cookie as string)
      },
    )

    test(`50 logouts and changes all at once: the session is gone (${setup.name})`, async () => {
      const site = await startSite(setup, pages, { on })
      const cookie = await loggedIn(site)
      const paths = Array.from({ length: 50 }, (_, i) => (i % 5 === 2 ? '/logout' : '/set'))
      const answers = await Promise.all(paths.map((path) => site.get(path, { cookie })))
      expect(answers.map(({ status }) => status)).toEqual(paths.map(() => 200))
      await expectLoggedOut(site, cookie)
    })

    test(`a login in flight at a logout everywhere never logs in (${setup.name})`, async () => {
      const gate = new Gate()
      let inFlight = false
      const site = await startSite(
        setup,
        {
          ...pages,
          async login({ session }) {
            await session.bindUser('ada')
            session['userId'] = 'ada'
            inFlight = true
            await gate.passed
          },
          everywhere: ({ sessions }) => sessions.destroyByUser('ada'),
        },
        { on },
      )
      const login = site.get('/login')
      await until(() => inFlight)
      expect((await site.get('/everywhere')).page()).toBe(1)
      gate.open()
      expect(await login).toMatchObject({ status: 200, setCookies: [] })
      expect(await site.servers[0]!.sessions.listByUser('ada')).toEqual([])
    })

    test(`a login gives a new id; what was in flight under the old one changes nothing (${setup.name})`, async () => {
      const gate = new Gate()
      let inFlight = 0
      const slowSet = waiting(
        ({ session }) => void (session['planted'] = true),
        gate,
        () => void inFlight++,
      )
      const site = await startSite(
        setup,
        {
          ...pages,
          slowSet,
          login({ session }) {
            session.rotate()
            session['userId'] = 'ada'
          },
        },
        { on },
      )
      const before = await loggedIn(site, { cart: 1 })
      const others = Array.from({ length: 6 }, () => site.get('/slowSet', { cookie: before }))
      await until(() => inFlight === 6)
      const { cookie } = await site.get('/login', { cookie: before })
      expect(cookie).toBeDefined()
      gate.open()
      for (const other of await Promise.all(others)) expect(other).toMatchObject({ status: 200, setCookies: [] })
      await expectLoggedOut(site, before)
      expect((await site.get('/show', { cookie })).page()).toEqual({ isNew: false, data: { cart: 1, userId: 'ada' } })
    })
  })

  /** The session is loaded on the first server, what it writes meets a fault; meanwhile the second one logs out. */
  async function lateWrite(page: Page, fault: Fault, howLongMs = 0): Promise<Visited> {
    const clock = createClock()
    const site = await startSite(three, { ...pages, late: page }, { on, clock: clock.now })
    const cookie = await loggedIn(site)
    clock.advance(10 * 60_000)
    const [first] = site.faults
    const before = { ...first!.calls }
    first!.fault = fault
    const late = site.get('/late', { cookie, server: 0 })
    await until(() => first!.calls.write > before.write || first!.calls.touch > before.touch)
    if (fault.kind === 'apply-later') await late
    expect((await site.get('/logout', { cookie, server: 1 })).status).toBe(200)
    clock.advance(howLongMs)
    first!.fault = undefined
    if ('until' in fault) (gateOf.get(fault) as Gate).open()
    await first!.applyLate()
    const answer = await late
    await expectLoggedOut(site, cookie)
    return answer
  }
  const gateOf = new WeakMap<Fault, Gate>()
  const heldBack = (operation: 'write' | 'touch'): Fault => {
    const gate = new Gate()
    const fault: Fault = { kind: 'delay', until: gate.passed, on: operation }
    gateOf.set(fault, gate)
    return fault
  }

  test('a write that is under way to the store when another server logs out comes too late', async () => {
    const answer = await lateWrite(pages['set'] as Page, heldBack('write'))
    expect(answer).toMatchObject({ status: 200, setCookies: [] })
  })

  test('a touch that is under way to the store when another server logs out comes too late', async () => {
    const answer = await lateWrite(({ session }) => session['userId'], heldBack('touch'))
    expect(answer).toMatchObject({ status: 200, setCookies: [] })
  })

  test('a rotation that is under way to the store when another server logs out ends the new id too', async () => {
    const answer = await lateWrite(({ session }) => session.rotate(), heldBack('write'))
    expect(answer).toMatchObject({ status: 200, setCookies: [] })
  })

  test.each([
    ['at once', 0],
    ['an hour later', 60 * 60_000],
    ['a minute before the absolute deadline', (12 * 60 - 11) * 60_000],
  ])('a write that was given up and reaches the store after the logout, %s, changes nothing', async (_, howLongMs) => {
    const answer = await lateWrite(pages['set'] as Page, { kind: 'apply-later', on: 'write' }, howLongMs)
    expect(answer).toMatchObject({ status: 503, setCookies: [] })
  })

  test('a touch that was given up and reaches the store after the logout changes nothing', async () => {
    await lateWrite(({ session }) => session['userId'], { kind: 'apply-later', on: 'touch' })
  })

  test('a WebSocket message after the logout rejects and stores nothing', async () => {
    const site = await startSite(three, pages, { on })
    const cookie = await loggedIn(site)
    const socket = { headers: { cookie } } as Parameters<Site['servers'][0]['sessions']['update']>[0]
    const gate = new Gate()
    let loaded = false
    const message = site.servers[0]!.sessions.update(socket, async (session) => {
      loaded = true
      await gate.passed
      session['late'] = true
    })
    await until(() => loaded)
    await site.get('/logout', { cookie, server: 1 })
    gate.open()
    await expect(message).rejects.toSatisfy(isSessionGone)
    await expectLoggedOut(site, cookie)
  })

  test('a logout that the store refused is not reported as done, and the session goes on', async () => {
    const site = await startSite(three, pages, { on })
    const cookie = await loggedIn(site)
    site.faults[0]!.fault = { kind: 'throw', on: 'write' }
    expect(await site.get('/logout', { cookie, server: 0 })).toMatchObject({ status: 503, setCookies: [] })
    expect((await site.get('/show', { cookie, server: 1 })).page()).toEqual({ isNew: false, data: { userId: 'ada' } })
  })
})
