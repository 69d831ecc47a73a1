import { describe, expect, test } from 'vitest'
import type { Page } from '../guarantees/app-server.js'
import { loggedIn, oneExpress, oneKoa, startSite } from '../guarantees/site.js'
import { thrown, warnings } from './told.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR

const show: Page = ({ session }) => ({ ...session })

// First in this file: the process is told once.
test('on Koa, regenerate() says once that it drops the data', async () => {
  const site = await startSite(oneKoa, { regenerate: ({ session }) => session.regenerate() })
  const codes = await warnings(async () => {
    await site.get('/regenerate', { cookie: await loggedIn(site) })
    await site.get('/regenerate', { cookie: await loggedIn(site) })
  })
  expect(codes.filter((code) => code === 'HOLDFAST_REGENERATE')).toHaveLength(1)
})

describe.each([
  ['Koa', oneKoa],
  ['Express', oneExpress],
])('on %s', (_, setup) => {
  test('the cookie takes its options, and cannot be read by scripts', async () => {
    const site = await startSite(
      setup,
      { in: ({ session }) => void (session.userId = 'ada') },
      {
        cookie: {
          name: 'shop',
          domain: 'example.com',
          path: '/',
          sameSite: 'strict',
          secure: true,
          partitioned: true,
          priority: 'high',
        },
      },
    )
    const { setCookies } = await site.get('/in')
    expect(setCookies).toHaveLength(1)
    expect(setCookies[0]?.split('; ').slice(1)).toEqual([
      'Path=/',
      'Domain=example.com',
      'Secure',
      'HttpOnly',
      'SameSite=Strict',
      'Partitioned',
      'Priority=High',
    ])
  })

  test('requests outside of cookie.path have no session', async () => {
    const site = await startSite(
      setup,
      {
        app: ({ session }) => void (session.seen = true),
        'app/deep': show,
        apple: ({ sessions, req }) => thrown(() => sessions.of(req)),
      },
      { cookie: { path: '/app' } },
    )
    const { cookie } = await site.get('/app')
    expect((await site.get('/app/deep', { cookie })).page()).toEqual({ seen: true })
    expect((await site.get('/apple', { cookie })).page()).toContain('mount it first')
  })

  test('a job changes a session by the cookie of a request, beside what others change', async () => {
    const site = await startSite(setup, {
      show,
      change: async ({ sessions, req, session }) => {
        session.fromPage = 1
        return sessions.update(req, (job) => {
          job.fromJob = 2
          return 'done'
        })
      },
    })
    const cookie = await loggedIn(site)
    const changed = await site.get('/change', { cookie })
    expect(changed.page()).toBe('done')
    expect(changed.setCookies).toEqual([])
    expect((await site.get('/show', { cookie })).page()).toEqual({ userId: 'ada', fromJob: 2, fromPage: 1 })
  })

  test('a job on a session that is no more is told so, and makes none', async () => {
    const site = await startSite(setup, {
      job: ({ sessions, req }) => sessions.update(req, () => 'ran').catch((error: { code: string }) => error.code),
      end: async ({ sessions, req, session }) => {
        await session.destroy()
        return sessions.update(req, () => 'ran').catch((error: { code: string }) => error.code)
      },
    })
    const cookie = await loggedIn(site)
    expect((await site.get('/job')).page()).toBe('SESSION_GONE')
    expect((await site.get('/end', { cookie })).page()).toBe('SESSION_GONE')
  })

  test('a session tells when it ends', async () => {
    let now = 1_800_000_000_000
    const start = now
    const site = await startSite(
      setup,
      {
        ends: ({ session }) => [session.expiresAt, session.absoluteExpiresAt],
        move: ({ session }) => thrown(() => Object.assign(session, { expiresAt: 1 })),
      },
      { clock: () => now, idle: '30m', absolute: '12h' },
    )
    const cookie = await loggedIn(site)
    expect((await site.get('/ends', { cookie })).page()).toEqual([start + HOUR / 2, start + 12 * HOUR])
    expect((await site.get('/move', { cookie })).page()).toContain('expiresAt is a member')
    now += 10 * 60_000
    await site.get('/ends', { cookie })
    const [expiresAt, absoluteAt] = (await site.get('/ends', { cookie })).page<[number, number]>()
    expect(expiresAt).toBeGreaterThanOrEqual(now + 0.9 * (HOUR / 2))
    expect(expiresAt).toBeLessThanOrEqual(now + HOUR / 2)
    expect(absoluteAt).toBe(start + 12 * HOUR)
  })

  test('an app has several lengths of life, up to the configured pair', async () => {
    const now = 1_800_000_000_000
    const site = await startSite(
      setup,
      {
        kiosk: ({ session }) => {
          session.remember({ idle: '5m', absolute: '1h' })
          session.kiosk = true
          return [session.expiresAt - now, session.absoluteExpiresAt - now]
        },
        staff: ({ session }) => {
          session.remember()
          session.staff = true
          return [session.expiresAt - now, session.absoluteExpiresAt - now]
        },
        tooLong: ({ session }) => thrown(() => session.remember({ absolute: '91d' })),
      },
      { clock: () => now },
    )
    const kiosk = await site.get('/kiosk')
    expect(kiosk.page()).toEqual([HOUR / 12, HOUR])
    expect(kiosk.setCookies[0]).toContain('Max-Age=3600')
    const staff = await site.get('/staff')
    expect(staff.page()).toEqual([30 * DAY, 90 * DAY])
    expect(staff.setCookies[0]).toContain(`Max-Age=${(90 * DAY) / 1000}`)
    expect((await site.get('/tooLong')).page()).toContain("'91d'")
  })

  test('names of express-session and koa-session say what to do', async () => {
    const site = await startSite(setup, {
      read: ({ session }) => thrown(() => Reflect.get(session, 'cookie')),
      write: ({ session }) => thrown(() => Object.assign(session, { maxAge: 5 })),
      member: ({ session }) => thrown(() => Object.assign(session, { save: true })),
      data: ({ session }) => {
        Object.assign(session, { length: 3, populated: true })
        return { ...session }
      },
    })
    expect((await site.get('/read')).page()).toContain('use remember()')
    expect((await site.get('/write')).page()).toContain('use remember()')
    expect((await site.get('/member')).page()).toContain('session.save is a member')
    expect((await site.get('/data')).page()).toEqual({ length: 3, populated: true })
  })

  test('after destroy() there is a new, empty session, and the old object is dead', async () => {
    const site = await startSite(setup, {
      show,
      logout: async (visit) => {
        const old = visit.session
        await old.destroy()
        const now = visit.session
        return {
          empty: Object.keys(now).length === 0,
          isNew: now.isNew,
          same: old === now,
          change: thrown(() => (old.userId = 'eve')),
        }
      },
      flash: async (visit) => {
        await visit.session.destroy()
        visit.session.flash = 'Goodbye'
      },
    })
    const cookie = await loggedIn(site)
    const out = await site.get('/logout', { cookie })
    expect(out.page()).toMatchObject({ empty: true, isNew: true, same: false })
    expect(out.page<{ change: string }>().change).toMatch(/read only|not extensible/)
    expect(out.setCookies[0]).toContain('Max-Age=0')

    const other = await loggedIn(site)
    const flash = await site.get('/flash', { cookie: other })
    expect(flash.cookie).not.toBe(other)
    expect((await site.get('/show', { cookie: flash.cookie })).page()).toEqual({ flash: 'Goodbye' })
    expect((await site.get('/show', { cookie: other })).page()).toEqual({})
  })

  test('session = null destroys with the commit, session = data replaces the data', async () => {
    const site = await startSite(setup, {
      show,
      none: (visit) => {
        visit.assign(null)
        return Object.keys(visit.session).length
      },
      failed: (visit) => {
        visit.assign(null)
        visit.status(500)
      },
      other: (visit) => visit.assign({ userId: 'bob' }),
      empty: (visit) => visit.assign({}),
      text: (visit) => thrown(() => visit.assign('text' as never)),
    })
    const cookie = await loggedIn(site)
    await site.get('/failed', { cookie })
    expect((await site.get('/show', { cookie })).page()).toEqual({ userId: 'ada' })
    await site.get('/other', { cookie })
    expect((await site.get('/show', { cookie })).page()).toEqual({ userId: 'bob' })
    expect((await site.get('/text', { cookie })).page()).toContain('an object or to null')
    await site.get('/empty', { cookie })
    expect((await site.get('/show', { cookie })).page()).toEqual({})
    const out = await site.get('/none', { cookie })
    expect(out.page()).toBe(0)
    expect(out.setCookies[0]).toContain('Max-Age=0')
    site.newCalls()
    expect((await site.get('/empty')).setCookies).toEqual([])
    expect(site.newCalls()).toEqual({ read: 0, write: 0, touch: 0 })
  })

  test('rotate() and regenerate() choose the new id at once', async () => {
    const site = await startSite(setup, {
      show,
      id: ({ session }) => session.id,
      rotate: ({ session }) => {
        session.rotate()
        return session.id
      },
      regenerate: async (visit) => {
        await visit.session.regenerate()
        visit.session.fresh = true
        return visit.session.id
      },
    })
    const cookie = await loggedIn(site)
    const first = (await site.get('/id', { cookie })).page()
    const rotated = await site.get('/rotate', { cookie })
    expect(rotated.page()).not.toBe(first)
    expect((await site.get('/id', { cookie: rotated.cookie })).page()).toBe(rotated.page())
    expect((await site.get('/show', { cookie: rotated.cookie })).page()).toEqual({ userId: 'ada' })
    expect((await site.get('/show', { cookie })).page()).toEqual({})

    const regenerated = await site.get('/regenerate', { cookie: rotated.cookie })
    expect((await site.get('/id', { cookie: regenerated.cookie })).page()).toBe(regenerated.page())
    expect((await site.get('/show', { cookie: regenerated.cookie })).page()).toEqual({ fresh: true })
  })

  test('save() stores an empty session too, and reload() refreshes the same object', async () => {
    const site = await startSite(setup, {
      show,
      empty: async ({ session }) => session.save(),
      reload: async ({ session, sessions, req }) => {
        session.unsaved = true
        await sessions.update(req, (other) => void (other.other = 1))
        await session.reload()
        return { ...session }
      },
      gone: async ({ session, sessions, req }) => {
        await sessions.update(req, (other) => other.destroy())
        return session.reload().catch((error: { code: string }) => error.code)
      },
      twice: async ({ session }) => {
        session.n = 1
        await Promise.all([session.save(), session.save()])
        delete session.n
      },
    })
    const { cookie } = await site.get('/empty')
    expect(cookie).toBeDefined()
    expect((await site.get('/reload', { cookie })).page()).toEqual({ other: 1 })
    expect((await site.get('/show', { cookie })).page()).toEqual({ other: 1 })
    await site.get('/twice', { cookie })
    expect((await site.get('/show', { cookie })).page()).toEqual({ other: 1 })
    expect((await site.get('/gone', { cookie })).page()).toBe('SESSION_GONE')
  })

  test('a store that cannot be read is the app’s error, before the handler', async () => {
    let ran = false
    const site = await startSite(setup, { show: () => void (ran = true) })
    const cookie = await loggedIn(site)
    site.faults[0]!.fault = { kind: 'throw' }
    const answer = await site.get('/show', { cookie })
    expect([answer.status, answer.headers['retry-after'], ran]).toEqual([503, '1', false])
  })

  test('what JSON cannot encode names its field and leaves the stored session as it was', async () => {
    const site = await startSite(setup, {
      show,
      big: ({ session }) => void Object.assign(session, { ok: 1, amount: 5n }),
      cycle: ({ session }) => {
        const cart: Record<string, unknown> = {}
        cart.self = cart
        return session.save.call(Object.assign(session, { cart })).catch((error: Error) => {
          delete session.cart
          return error.message
        })
      },
      dropped: ({ session }) => void Object.assign(session, { at: new Date(0), run: () => 1, nothing: undefined }),
    })
    const cookie = await loggedIn(site)
    expect((await site.get('/big', { cookie })).status).toBe(500)
    expect((await site.get('/show', { cookie })).page()).toEqual({ userId: 'ada' })
    expect((await site.get('/cycle', { cookie })).page()).toContain('"cart"')
    await site.get('/dropped', { cookie })
    expect((await site.get('/show', { cookie })).page()).toEqual({ userId: 'ada', at: '1970-01-01T00:00:00.000Z' })
  })
})
