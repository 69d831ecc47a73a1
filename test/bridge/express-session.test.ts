import { createHmac } from 'node:crypto'
import { faulty } from '@holdfast/conformance'
import { isConfigError } from '@holdfast/core'
import { createSessions, expressSessionStore } from '@holdfast/express'
import { memoryStore } from '@holdfast/memory'
import session, { type SessionData } from 'express-session'
import { describe, expect, onTestFinished, test } from 'vitest'
import { peers } from '../guarantees/peer-stores.js'
import { redisStores } from '../guarantees/redis-stores.js'
import { memory, named, running } from '../guarantees/stores.js'
import { Gate, until as untilTurn } from '../hold/fake-target.js'
import { requireServer } from '../servers/require-server.js'
import {
  type App,
  basicPages,
  called,
  newBridgeStore,
  type Pages,
  said,
  SECRET,
  startApp,
  withoutCookie,
} from './express-app.js'

const HOUR = 3_600_000
const hasRedis = (await requireServer('redis-server')) !== undefined
const [redis] = redisStores

describe.each(named([memory, ...(hasRedis && redis ? [redis] : []), peers]))('express-session on %s', (_, on) => {
  running(on)

  async function startApps(pages: Pages, options: Partial<session.SessionOptions> = {}): Promise<[App, App]> {
    const shared = await on.open(Date.now)
    onTestFinished(() => shared.close())
    const start = () => startApp(pages, { store: newBridgeStore({ store: shared.connect() }), ...options })
    return [await start(), await start()]
  }

  test('fifty requests at once on two servers set fifty fields: all are there', async () => {
    const gate = new Gate()
    let entered = 0
    const apps = await startApps({
      ...basicPages,
      set: async (req) => {
        entered++
        await gate.passed
        const name = req.query.field as string
        Object.assign(req.session, { [name]: 1 })
        req.session.fields = { ...req.session.fields, [name]: 1 }
      },
    })
    const browser = apps[0].browse()
    await browser.get('/login')
    const requests = Array.from({ length: 50 }, (__, i) => browser.get(`/set?field=f${i}`, apps[i % 2]))
    await untilTurn(() => entered === 50)
    gate.open()
    expect((await Promise.all(requests)).map(({ status }) => status)).toEqual(Array(50).fill(200))
    const { fields, ...others } = said(await browser.get('/show', apps[1])) as SessionData
    expect([Object.keys(fields ?? {}).length, Object.keys(others).length]).toEqual([50, 51])
  })

  test.each([
    ['destroy()', basicPages.logout, {}],
    ['= null with unset: destroy', (req) => void Reflect.set(req, 'session', null), { unset: 'destroy' }],
    ['regenerate()', (req) => called((done) => req.session.regenerate(done)), {}],
  ] as [string, Pages[string], object][])(
    'a logout by %s beside slow requests stays one',
    async (__, logout, options) => {
      const gate = new Gate()
      let entered = 0
      const slow: Pages[string] = async (req) => {
        entered++
        await gate.passed
        req.session.visits = 1
      }
      const apps = await startApps(
        {
          ...basicPages,
          logout,
          slow,
          slowSave: async (req) => {
            await slow(req, req.res!)
            await called((done) => req.session.save(done))
          },
          slowRead: async () => {
            entered++
            await gate.passed
          },
        },
        options,
      )
      const browser = apps[0].browse()
      await browser.get('/login')
      const { cookie } = browser
      const slowOnes = [...apps, ...apps].flatMap((app) =>
        ['/slow', '/slowSave', '/slowRead'].map((path) => browser.get(path, app)),
      )
      await untilTurn(() => entered === 12)
      await browser.get('/logout', apps[1])
      gate.open()
      expect((await Promise.all(slowOnes)).map(({ status }) => status)).toEqual(Array(12).fill(200))
      browser.cookie = cookie
      expect(said(await browser.get('/show'))).toEqual({})
      browser.cookie = cookie
      expect(said(await browser.get('/show', apps[1]))).toEqual({})
    },
  )
})

/** An app on a store whose calls are counted, from after the one by which the engine sees that it is there. */
async function counted(options: Partial<session.SessionOptions>, pages: Pages = {}) {
  const server = faulty(memoryStore())
  const store = newBridgeStore({ store: server })
  await untilTurn(() => server.calls.read === 1)
  server.calls.read = 0
  const app = await startApp({ ...basicPages, ...pages }, { store, ...options })
  const browser = app.browse()
  return { app, browser, store, server, calls: server.calls }
}

const cookieLife = (cookie: string | undefined): number => Date.parse(/Expires=([^;]+)/.exec(cookie ?? '')?.[1] ?? '')
const near = (ms: number) => (actual: number) => Math.abs(actual - Date.now() - ms) < 60_000

describe('the options of express-session', () => {
  test('a visitor without data costs no call; saveUninitialized stores one', async () => {
    const plain = await counted({})
    expect((await plain.browser.get('/show')).setCookies).toEqual([])
    expect(plain.calls).toEqual({ read: 0, write: 0, touch: 0 })

    const eager = await counted({ saveUninitialized: true })
    await eager.browser.get('/show')
    expect(await eager.store.length()).toBe(1)
    await eager.browser.get('/show')
    expect(await eager.store.length()).toBe(1)
  })

  test.each([false, true])('resave: %s reads without writing', async (resave) => {
    const { browser, calls } = await counted({ resave, cookie: { maxAge: HOUR } })
    await browser.get('/login')
    Object.assign(calls, { read: 0, write: 0, touch: 0 })
    for (let request = 0; request < 5; request++) expect(said(await browser.get('/show'))).toEqual({ user: 'ada' })
    expect(calls).toEqual({ read: 5, write: 0, touch: 0 })
  })

  test('a maxAge that lost a ms to the clock, as that of express-session does, is no change', async () => {
    const { store, calls } = await counted({})
    const cookie = (originalMaxAge: number) => ({ originalMaxAge, expires: new Date(Date.now() + HOUR) })
    await store.set('sid', { user: 'ada', cookie: cookie(HOUR) } as SessionData)
    const loaded = (await store.get('sid')) as SessionData
    Object.assign(calls, { read: 0, write: 0, touch: 0 })
    await store.touch('sid', Object.assign(loaded, { cookie: cookie(HOUR - 1) }))
    await store.set('sid', Object.assign(loaded, { cookie: cookie(HOUR - 2) }))
    expect(calls).toEqual({ read: 0, write: 0, touch: 0 })
  })

  test('cookie.maxAge is the life of cookie and session; rolling sends the cookie each time', async () => {
    const still = await counted({ cookie: { maxAge: 14 * 24 * HOUR } })
    expect(cookieLife((await still.browser.get('/login')).setCookies[0])).toSatisfy(near(14 * 24 * HOUR))
    expect((await still.browser.get('/show')).setCookies).toEqual([])
    const rolling = await counted({ rolling: true, cookie: { maxAge: HOUR } })
    await rolling.browser.get('/login')
    expect(cookieLife((await rolling.browser.get('/show')).setCookies[0])).toSatisfy(near(HOUR))
    const [listed] = await rolling.store.all()
    expect(Date.parse(String(listed?.cookie.expires))).toSatisfy(near(HOUR))
  })

  test('a session outlives idle and absolute by its maxAge, and without one it has idle', async () => {
    let now = Date.now()
    const clock = () => now
    const store = newBridgeStore({ store: memoryStore({ clock }), engine: { clock } })
    const cookie = new session.Cookie()
    await store.set('short', { cookie, user: 'ada' })
    const long = new session.Cookie()
    long.maxAge = 48 * HOUR
    await store.set('long', { cookie: long, user: 'ada' })
    now += HOUR / 2
    expect([await store.get('short'), (await store.get('long'))?.user]).toEqual([undefined, 'ada'])
    now += 47 * HOUR
    expect((await store.get('long'))?.user).toBe('ada')
    now += HOUR
    expect(await store.get('long')).toBeUndefined()
  })

  test('one session gets another maxAge, with a change or without', async () => {
    for (const change of [true, false]) {
      const { browser, store } = await counted(
        { cookie: { maxAge: HOUR } },
        {
          remember: (req) => {
            if (change) req.session.visits = 1
            req.session.cookie.maxAge = 30 * 24 * HOUR
          },
          life: (req) => req.session.cookie.originalMaxAge,
        },
      )
      await browser.get('/login')
      await browser.get('/remember')
      expect(said(await browser.get('/life'))).toBe(30 * 24 * HOUR)
      const [listed] = await store.all()
      expect(Date.parse(String(listed?.cookie.expires))).toSatisfy(near(30 * 24 * HOUR))
    }
  })

  test('what is left of maxAge is that of the record, also where a touch moved it', async () => {
    let now = Date.now()
    const clock = () => now
    const store = newBridgeStore({ store: memoryStore({ clock }), engine: { clock } })
    const cookie = new session.Cookie()
    cookie.maxAge = 10 * HOUR
    await store.set('id', { cookie, user: 'ada' })
    now += 5 * HOUR
    const found = await store.get('id')
    if (found) await store.touch('id', found)
    expect(Date.parse(String((await store.get('id'))?.cookie.expires)) - now).toBeGreaterThan(8.9 * HOUR)
  })

  test('unset: keep leaves the session, destroy ends it', async () => {
    const unset: Pages[string] = (req) => void Reflect.set(req, 'session', null)
    const keep = await counted({}, { unset })
    await keep.browser.get('/login')
    await keep.browser.get('/unset')
    expect(said(await keep.browser.get('/show'))).toEqual({ user: 'ada' })
    const destroy = await counted({ unset: 'destroy' }, { unset })
    await destroy.browser.get('/login')
    await destroy.browser.get('/unset')
    expect(said(await destroy.browser.get('/show'))).toEqual({})
    expect(await destroy.store.length()).toBe(0)
  })

  test('a genid that gives an id again after its end: an error, no login', async () => {
    const { browser } = await counted({ genid: () => 'device-7' })
    await browser.get('/login')
    await browser.get('/logout')
    await browser.get('/login')
    expect(said(await browser.get('/show'))).toEqual({})
  })
})

describe('the session of express-session', () => {
  test('save(), reload(), regenerate() and a change back', async () => {
    const { browser } = await counted(
      {},
      {
        saves: async (req) => {
          req.session.visits = 1
          await called((done) => req.session.save(done))
          delete req.session.visits
        },
        reload: async (req) => {
          req.session.visits = 7
          await called((done) => req.session.reload(done))
          return withoutCookie(req.session)
        },
        renew: async (req) => {
          const { id } = req.session
          await called((done) => req.session.regenerate(done))
          req.session.user = 'eve'
          return req.session.id === id
        },
      },
    )
    await browser.get('/login')
    await browser.get('/saves')
    expect(said(await browser.get('/show'))).toEqual({ user: 'ada' })
    expect(said(await browser.get('/reload'))).toEqual({ user: 'ada' })
    expect(said(await browser.get('/show'))).toEqual({ user: 'ada' })
    const { cookie } = browser
    expect(said(await browser.get('/renew'))).toBe(false)
    expect(said(await browser.get('/show'))).toEqual({ user: 'eve' })
    browser.cookie = cookie
    expect(said(await browser.get('/show'))).toEqual({})
  })

  test('a save that is under way does not keep a later one from changing back', async () => {
    const server = faulty(memoryStore())
    const store = newBridgeStore({ store: server })
    await store.set('id', { cookie: new session.Cookie(), user: 'ada' })
    const loaded = await store.get('id')
    if (!loaded) throw new Error('There is no session.')
    const gate = new Gate()
    server.calls.write = 0
    server.fault = { kind: 'delay', until: gate.passed, on: 'write', times: 1 }
    loaded.user = 'bob'
    const first = store.set('id', loaded)
    await untilTurn(() => server.calls.write === 1)
    loaded.user = 'ada'
    const second = store.set('id', loaded)
    gate.open()
    await Promise.all([first, second])
    expect((await store.get('id'))?.user).toBe('ada')
  })

  test('what others changed stays, also after save() and by nested path', async () => {
    const gate = new Gate()
    let entered = 0
    const { browser } = await counted(
      {},
      {
        slow: async (req) => {
          req.session.fields = { ...req.session.fields, slow: 1 }
          await called((done) => req.session.save(done))
          entered++
          await gate.passed
          req.session.fields = { ...req.session.fields, slower: 1 }
        },
        fast: (req) => void (req.session.fields = { ...req.session.fields, fast: 1 }),
      },
    )
    await browser.get('/login')
    const slow = browser.get('/slow')
    await untilTurn(() => entered === 1)
    await browser.get('/fast')
    gate.open()
    await slow
    expect(said(await browser.get('/show'))).toEqual({ user: 'ada', fields: { slow: 1, fast: 1, slower: 1 } })
  })
})

describe('the methods of the store', () => {
  const cookie = new session.Cookie()

  test('answer by promise', async () => {
    const store = newBridgeStore({ store: memoryStore() })
    await store.set('a', { cookie, user: 'ada' })
    await store.set('b', { cookie, user: 'bob' })
    await store.touch('a', { cookie, user: 'ada' })
    expect((await store.get('a'))?.user).toBe('ada')
    expect(await store.get('c')).toBeUndefined()
    expect((await store.all()).map(({ user }) => user).sort()).toEqual(['ada', 'bob'])
    expect(await store.length()).toBe(2)
    await store.destroy('a')
    expect(await store.length()).toBe(1)
    await store.clear()
    expect(await store.all()).toEqual([])
  })

  test('answer by callback', async () => {
    const store = newBridgeStore({ store: memoryStore() })
    await called((done) => store.set('a', { cookie, user: 'ada' }, done))
    await called((done) => store.touch('a', { cookie, user: 'ada' }, done))
    expect((await called<SessionData>((done) => store.get('a', done)))?.user).toBe('ada')
    expect(await called<unknown[]>((done) => store.all(done))).toHaveLength(1)
    expect(await called((done) => store.length(done))).toBe(1)
    expect((await called<SessionData>((done) => store.load('a', done)))?.user).toBe('ada')
    await called((done) => store.destroy('a', done))
    await called((done) => store.clear(done))
    expect(await called((done) => store.length(done))).toBe(0)
  })

  test('fail by promise and by callback; without either nothing is left unheard', async () => {
    const server = faulty(memoryStore())
    const store = newBridgeStore({ store: server })
    server.fault = { kind: 'throw' }
    const refused = { code: 'STORE_UNAVAILABLE', status: 503, headers: { 'Retry-After': '1' } }
    await expect(store.get('a')).rejects.toMatchObject(refused)
    await expect(called((done) => store.set('a', { cookie }, done))).rejects.toMatchObject(refused)
    await expect(called((done) => store.destroy('a', done))).rejects.toMatchObject(refused)
    // As express-session calls it for `req.session.destroy()`; an unheard rejection would fail this run.
    Reflect.apply(store.destroy, store, ['a', undefined])
    await new Promise((resolve) => setTimeout(resolve, 50))
  })

  test('an app that logs a user out everywhere does it by the ids of all()', async () => {
    const { browser, app, store } = await counted({})
    await browser.get('/login')
    const other = app.browse()
    await other.get('/login')
    const all = await store.all()
    expect(all).toHaveLength(2)
    for (const { id, user } of all) if (user === 'ada') await store.destroy(id)
    expect([said(await browser.get('/show')), said(await other.get('/show'))]).toEqual([{}, {}])
  })

  test('a listed session is changed by its id; the id is no field of it', async () => {
    const { browser, store } = await counted({})
    await browser.get('/login')
    const [listed] = await store.all()
    if (!listed) throw new Error('There is no session.')
    listed.visits = 10
    await store.set(listed.id, listed)
    expect(Object.keys((await store.get(listed.id)) ?? {}).sort()).toEqual(['cookie', 'user', 'visits'])
    expect(said(await browser.get('/visit'))).toBe(11)
  })

  test('a cookie that carries a listed id, well signed, is no login', async () => {
    const { browser, store, app } = await counted({})
    await browser.get('/login')
    const [{ id } = { id: '' }] = await store.all()
    const thief = app.browse()
    const signature = createHmac('sha256', SECRET).update(id).digest('base64').replace(/=+$/, '')
    thief.cookie = `connect.sid=${encodeURIComponent(`s:${id}.${signature}`)}`
    expect(said(await thief.get('/show'))).toEqual({})
    expect((await store.get(id))?.user).toBe('ada')
  })
})

test('express-session and the sessions themselves share a store without meeting', async () => {
  const store = memoryStore()
  const sessions = createSessions<{ user: string }>({ secret: 'a secret of at least thirty-two bytes', store })
  onTestFinished(() => sessions.close())
  const bridge = expressSessionStore(sessions)
  const { id } = await sessions.create({ user: 'ada' })
  await bridge.set('a', { cookie: new session.Cookie() })
  await bridge.clear()
  expect((await store.read(id))?.data).toContain('ada')
})

test('wrong arguments are errors that say what to give', () => {
  const sessions = createSessions({ secret: 'a secret of at least thirty-two bytes', store: 'memory:' })
  onTestFinished(() => sessions.close())
  const failure = (make: () => unknown): string => {
    try {
      make()
      return 'none'
    } catch (error) {
      return isConfigError(error) ? error.message : `not a ConfigError: ${String(error)}`
    }
  }
  expect(failure(() => expressSessionStore({} as never))).toContain('Give what createSessions() returned')
  expect(failure(() => expressSessionStore(sessions, { adopted: 1 } as object))).toContain('no option adopted')
  expect(failure(() => expressSessionStore(sessions, { adopt: {} as never }))).toContain('adopt is no store')
  expect(failure(() => expressSessionStore(sessions, { Store: class Mine {} }))).toContain('the function Mine')
  expect(failure(() => expressSessionStore(sessions, { Store: session.Store }))).toBe('none')
})
