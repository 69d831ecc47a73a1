// What koa-session 7 promises with its options and its session, on the bridge.
import Koa2 from 'koa2'
import { describe, expect, test, vi } from 'vitest'
import { Browser, HOUR, koaSessionApp, MINUTE, oneServer, type Pages, serve, shop } from './site.js'

const maxAge = HOUR
const loggedIn = expect.objectContaining({ user: 'ada' })
const cookieUntil = (at: number) => expect.stringContaining(`expires=${new Date(at).toUTCString()}`)

describe('how long a session lives', () => {
  test('maxAge: so long after it was last saved, and reading does not change that', async () => {
    const { browser, below, elapse } = await oneServer(shop, { maxAge })
    expect((await browser.get('/login')).setCookies[0]).toEqual(cookieUntil(Date.now() + HOUR))
    elapse(30 * MINUTE)
    expect(await browser.show()).toEqual({ user: 'ada' })
    elapse(29 * MINUTE)
    expect((await browser.get('/show')).setCookies).toEqual([])
    expect(below.calls).toEqual({ read: 2, write: 1, touch: 0 })
    elapse(MINUTE + 1)
    expect(await browser.show()).toEqual({})
  })

  test('rolling: each response sends the cookie, and the session lives on from there', async () => {
    const { browser, below, elapse } = await oneServer(shop, { maxAge, rolling: true })
    await browser.get('/login')
    for (let i = 0; i < 3; i++) {
      elapse(50 * MINUTE)
      const answer = await browser.get('/show')
      expect(answer.setCookies[0]).toEqual(cookieUntil(Date.now() + HOUR))
      expect(answer.page()).toEqual({ user: 'ada' })
    }
    expect(below.calls).toEqual({ read: 3, write: 1, touch: 3 })
    elapse(61 * MINUTE)
    expect(await browser.show()).toEqual({})
  })

  test('rolling: a touch is one in a tenth of the time at most, and nobody is logged out for that', async () => {
    const { browser, below, elapse } = await oneServer(shop, { maxAge, rolling: true })
    await browser.get('/login')
    for (let i = 0; i < 60; i++) {
      elapse(2 * MINUTE)
      expect(await browser.show()).toEqual({ user: 'ada' })
    }
    expect(below.calls).toMatchObject({ read: 60, write: 1 })
    expect(below.calls.touch).toBeLessThanOrEqual(21)
    elapse(53 * MINUTE)
    expect(await browser.show()).toEqual({ user: 'ada' })
  })

  test('renew: the same, once less than half of the time is left', async () => {
    const { browser, below, elapse } = await oneServer(shop, { maxAge, renew: true })
    await browser.get('/login')
    elapse(25 * MINUTE)
    expect((await browser.get('/show')).setCookies).toEqual([])
    elapse(10 * MINUTE)
    expect((await browser.get('/show')).setCookies[0]).toEqual(cookieUntil(Date.now() + HOUR))
    expect(below.calls).toEqual({ read: 2, write: 1, touch: 1 })
    elapse(10 * MINUTE)
    expect((await browser.get('/show')).setCookies).toEqual([])
    elapse(40 * MINUTE)
    expect(await browser.show()).toEqual({ user: 'ada' })
  })

  test('without maxAge: a day', async () => {
    const { browser, elapse } = await oneServer(shop)
    await browser.get('/login')
    elapse(23 * HOUR)
    expect(await browser.show()).toEqual({ user: 'ada' })
    elapse(2 * HOUR)
    expect(await browser.show()).toEqual({})
  })

  const choosing: Pages = {
    ...shop,
    choose: ({ session, query }) => void (session.maxAge = Number(query['ms'])),
  }

  test('session.maxAge: that one session has another time, longer', async () => {
    const { browser, elapse } = await oneServer(choosing, { maxAge })
    await browser.get('/login')
    await browser.get(`/choose?ms=${5 * HOUR}`)
    elapse(4 * HOUR)
    expect((await browser.get('/set?cart=kelp')).setCookies[0]).toEqual(cookieUntil(Date.now() + 5 * HOUR))
    elapse(4 * HOUR)
    expect(await browser.show()).toEqual({ user: 'ada', cart: 'kelp' })
  })

  test('session.maxAge: or shorter, in the store too', async () => {
    const { browser, store, elapse } = await oneServer(choosing, { maxAge })
    await browser.get('/login')
    await browser.get(`/choose?ms=${MINUTE}`)
    const key = browser.cookies.get('koa.sess')!
    elapse(59_000)
    expect(await store.get(key)).toEqual(loggedIn)
    elapse(12_000)
    expect(await store.get(key)).toBeUndefined()
  })

  test("'session': the cookie goes with the browser, the session after the idle time of createSessions", async () => {
    const { browser, below, elapse } = await oneServer(shop, { maxAge: 'session', sessions: { idle: '20m' } })
    const { setCookies } = await browser.get('/login')
    expect(setCookies[0]).not.toContain('expires')
    for (let i = 0; i < 20; i++) {
      elapse(15 * MINUTE)
      expect(await browser.show()).toEqual({ user: 'ada' })
    }
    expect(below.calls).toEqual({ read: 20, write: 1, touch: 20 })
    elapse(21 * MINUTE)
    expect(await browser.show()).toEqual({})
  })

  test('absolute ends it when createSessions was told one, and not by its default', async () => {
    const forever = { maxAge: 20 * HOUR, rolling: true }
    const { browser, elapse } = await oneServer(shop, forever)
    const other = await oneServer(shop, { ...forever, sessions: { idle: '1h', absolute: '2d' } })
    await browser.get('/login')
    await other.browser.get('/login')
    for (const isThere of [true, true, true, false, false]) {
      elapse(15 * HOUR)
      expect(await browser.show()).toEqual({ user: 'ada' })
      expect(await other.browser.show()).toEqual(isThere ? { user: 'ada' } : {})
    }
  })
})

describe('what is stored, and when', () => {
  test('what a visitor does, on Koa 2 as on Koa 3', async () => {
    const { store } = await oneServer(shop)
    const server = await serve(koaSessionApp(shop, { store, maxAge }, Koa2))
    const browser = new Browser(() => server)
    await browser.get('/login')
    await browser.get('/set?cart=kelp')
    expect(await browser.show()).toEqual({ user: 'ada', cart: 'kelp' })
    const copy = browser.copy()
    await browser.get('/logout')
    expect(await copy.show()).toEqual({})
  })

  test('nothing of a visitor without data, and no store call', async () => {
    const { browser, below } = await oneServer(shop)
    expect((await browser.get('/show')).setCookies).toEqual([])
    expect(below.calls).toEqual({ read: 0, write: 0, touch: 0 })
  })

  test('autoCommit: false stores nothing but with manuallyCommit(), a logout too', async () => {
    const committed: Pages = {
      commit: async ({ session, query }) => {
        Object.assign(session, query)
        await session.manuallyCommit()
      },
    }
    const { browser } = await oneServer({ ...shop, ...committed }, { autoCommit: false })
    expect((await browser.get('/login')).setCookies).toEqual([])
    expect((await browser.get('/commit?user=ada')).setCookies).not.toEqual([])
    await browser.get('/set?user=bob')
    await browser.get('/logout')
    expect(await browser.show()).toEqual({ user: 'ada' })
    await browser.get('/commit?user=bob')
    expect(await browser.show()).toEqual({ user: 'bob' })
  })

  test('save(): what it stored, and what is changed after it', async () => {
    const saving: Pages = {
      save: async ({ session, query }) => {
        Object.assign(session, query)
        await session.save()
        session['after'] = query['cart']
      },
    }
    const { browser } = await oneServer({ ...shop, ...saving })
    await browser.get('/login')
    await browser.get('/save?cart=kelp')
    expect(await browser.show()).toEqual({ user: 'ada', cart: 'kelp', after: 'kelp' })
  })

  test('save(): what another request changes after it stays', async () => {
    const saving: Pages = {
      save: async ({ session }) => {
        session['cart'] = 'kelp'
        await session.save()
        await copy.get('/set?cart=rope')
        session['after'] = 1
      },
    }
    const { browser } = await oneServer({ ...shop, ...saving })
    await browser.get('/login')
    const copy = browser.copy()
    await browser.get('/save')
    expect(await browser.show()).toEqual({ user: 'ada', cart: 'rope', after: 1 })
  })

  test('save() with autoCommit: false: koa-session says that nothing has changed', async () => {
    const saving: Pages = {
      save: ({ session, query }) => Object.assign(session, query).save(),
    }
    const { browser } = await oneServer({ ...shop, ...saving }, { autoCommit: false })
    await browser.get('/save?cart=kelp')
    await browser.get('/save?cart=rope')
    expect(await browser.show()).toEqual({ cart: 'rope' })
  })

  test('save() stores an empty session too', async () => {
    const { browser } = await oneServer({ ...shop, save: ({ session }) => session.save() })
    expect((await browser.get('/save')).setCookies).not.toEqual([])
    expect((await browser.get('/show')).page()).toEqual({})
  })

  test('= null ends the session at once for every copy of its cookie; = {…} replaces the data', async () => {
    const replacing: Pages = {
      replace: (ctx) => Reflect.set(ctx, 'session', { user: 'bob' }),
      again: (ctx) => [Reflect.set(ctx, 'session', null), Reflect.set(ctx, 'session', { user: 'eve' })],
    }
    const { browser } = await oneServer({ ...shop, ...replacing })
    await browser.get('/login?cart=kelp')
    const copy = browser.copy()
    await browser.get('/replace')
    expect(await copy.show()).toEqual({ user: 'bob' })
    await browser.get('/again')
    expect(await copy.show()).toEqual({ user: 'eve' })
    expect((await browser.get('/logout')).setCookies[0]).toMatch(/^koa\.sess=;/)
    expect(await copy.show()).toEqual({})
  })

  test('fields that begin with _ and functions are not', async () => {
    const odd: Pages = {
      odd: ({ session }) =>
        [Object.assign(session, { _scratch: 1, work: () => 1, at: new Date(0), none: undefined }), 1][1],
    }
    const { browser } = await oneServer({ ...shop, ...odd })
    await browser.get('/login')
    await browser.get('/odd')
    expect(await browser.show()).toEqual({ user: 'ada', at: '1970-01-01T00:00:00.000Z' })
  })

  test('a key that is stored is a hash: whoever reads the store cannot log in', async () => {
    const { browser, below } = await oneServer(shop, { prefix: 'shop-' })
    const seen = vi.spyOn(below, 'write')
    await browser.get('/login')
    const id = browser.cookies.get('koa.sess')!
    expect(id).toMatch(/^shop-/)
    const [key, record] = seen.mock.calls[0]!
    expect(key).toMatch(/^b_[A-Za-z0-9_-]{40,62}$/)
    expect(record.data).not.toContain(id)
    const guess = new Browser(browser.server, [['koa.sess', key]])
    expect(await guess.show()).toEqual({})
  })

  test('valid: what it refuses is a new session', async () => {
    const { browser } = await oneServer(shop, { valid: (_, data: { stamp?: string }) => data.stamp !== 'old' })
    await browser.get('/login?stamp=new')
    expect(await browser.show()).toEqual(loggedIn)
    await browser.get('/set?stamp=old')
    expect(await browser.show()).toEqual({})
  })

  test('beforeSave: what it changes is stored', async () => {
    const beforeSave = (_: unknown, session: { saves?: number }) => void (session.saves = (session.saves ?? 0) + 1)
    const { browser } = await oneServer(shop, { beforeSave })
    await browser.get('/login')
    await browser.get('/set?cart=kelp')
    expect(await browser.show()).toEqual({ user: 'ada', cart: 'kelp', saves: 2 })
  })

  test('what the handler changed before it threw', async () => {
    const crashing: Pages = {
      crash: ({ session }) => {
        session['half'] = 'done'
        throw new Error('a bug')
      },
    }
    const { browser } = await oneServer({ ...shop, ...crashing })
    await browser.get('/login')
    expect((await browser.get('/crash')).status).toBe(500)
    expect(await browser.show()).toEqual({ user: 'ada', half: 'done' })
  })
})

describe('regenerate()', () => {
  const regenerating: Pages = {
    ...shop,
    regenerate: async ({ session }) => {
      session['before'] = 1
      await session.regenerate()
      session['after'] = 1
    },
  }

  test('gives the session a new key and keeps its data; the old key is over', async () => {
    const { browser } = await oneServer(regenerating)
    await browser.get('/login')
    const old = browser.copy()
    await browser.get('/regenerate')
    expect(browser.cookies.get('koa.sess')).not.toBe(old.cookies.get('koa.sess'))
    expect(await browser.show()).toEqual({ user: 'ada', before: 1, after: 1 })
    expect(await old.show()).toEqual({})
  })

  test('of a session that is new', async () => {
    const { browser } = await oneServer(regenerating)
    await browser.get('/regenerate')
    expect(await browser.show()).toEqual({ before: 1, after: 1 })
  })
})

describe('where the key comes from', () => {
  const externalKey = {
    get: (ctx: { get(name: string): string }) => ctx.get('x-session'),
    set: (ctx: { set(name: string, value: string): void }, key: string) => ctx.set('x-session', key),
  }

  test('externalKey: a header in place of a cookie', async () => {
    const { browser } = await oneServer(shop, { externalKey })
    const { headers, setCookies } = await browser.get('/login')
    expect(setCookies).toEqual([])
    expect(await browser.show()).toEqual({})
    browser.headers = { 'x-session': String(headers['x-session']) }
    expect(await browser.show()).toEqual({ user: 'ada' })
    await browser.get('/set?cart=kelp')
    await browser.get('/logout')
    expect(await browser.show()).toEqual({})
  })

  test('externalKey: what a client makes up is nobody’s session, the name of a record neither', async () => {
    const { browser, below } = await oneServer(shop, { externalKey })
    const seen = vi.spyOn(below, 'write')
    const { headers } = await browser.get('/login')
    const hash = seen.mock.calls[0]![0]
    for (const key of [`listed:${hash}`, `listed:${hash.slice(2)}`, hash, 'x', '__proto__', ' ', 'x'.repeat(8_000)]) {
      browser.headers = { 'x-session': key }
      expect(await browser.show()).toEqual({})
      const { headers: answered } = await browser.get('/set?cart=kelp')
      expect(answered['x-session']).not.toBe(key)
    }
    browser.headers = { 'x-session': String(headers['x-session']) }
    expect(await browser.show()).toEqual({ user: 'ada' })
  })

  test('ContextStore: a class for each request that passes its calls on, here by tenant', async () => {
    const [blue, green] = [await oneServer(shop), await oneServer(shop)]
    class TenantStore {
      readonly #store
      constructor(ctx: { readonly hostname: string }) {
        this.#store = (ctx.hostname === 'blue.example' ? blue : green).store
      }
      get(...call: Parameters<typeof blue.store.get>) {
        return this.#store.get(...call)
      }
      set(...call: Parameters<typeof blue.store.set>) {
        return this.#store.set(...call)
      }
      destroy(...call: Parameters<typeof blue.store.destroy>) {
        return this.#store.destroy(...call)
      }
    }
    const server = await serve(koaSessionApp(shop, { ContextStore: TenantStore }))
    const browser = new Browser(() => server)
    browser.headers = { host: 'blue.example' }
    await browser.get('/login')
    expect(await browser.show()).toEqual({ user: 'ada' })
    browser.headers = { host: 'green.example' }
    expect(await browser.show()).toEqual({})
    expect([blue.below.calls.write, green.below.calls.write]).toEqual([1, 0])
  })
})
