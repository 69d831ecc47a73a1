import { randomBytes } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createKey, createTombstone, faulty } from '@holdfast/conformance'
import {
  createBridge,
  createEngine,
  encrypted,
  failover,
  guard,
  migrate,
  type MigrationPhase,
  migrationStatus,
  moveMigration,
  type SessionOptions,
  type SessionStore,
} from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { ANSWERED, type Data, type Pages } from '../guarantees/app-server.js'
import { loggedIn, oneKoa, startSite, type Site } from '../guarantees/site.js'
import { requestWith } from '../races/request-with.js'
import { until } from '../servers/until.js'
import { outcomes, typed } from './reference.js'

const CHANNELS = ['holdfast:session', 'holdfast:store', 'holdfast:call']

/** What must not be in an event: of every session that these tests make. */
const FIELD = 'favouriteFruit'
const VALUE = 'quince-and-medlar'
const USER = 'ada.lovelace@example.org'
const SECRET = 'a secret of these tests, 32 bytes at least'
/** Ids, keys, cookies and signatures are long; no name of ours is. */
const LONG = /[\w-]{18,}/

type Event = Readonly<Record<string, unknown>>
const heard: Event[] = []
const listen = (event: unknown): void => void heard.push(event as Event)
beforeAll(() => CHANNELS.forEach((name) => subscribe(name, listen)))
afterAll(() => CHANNELS.forEach((name) => unsubscribe(name, listen)))

const told = (type: string): boolean => heard.some((event) => event.type === type)

const sessionsOf = (options: Partial<SessionOptions<Data>>) => {
  const sessions = createEngine<Data>({ secret: SECRET, ...options })
  onTestFinished(() => sessions.close())
  return sessions
}

const pages: Pages = {
  login: async ({ session }) => {
    session[FIELD] = VALUE
    session.rotate()
    await session.bindUser(USER)
  },
  logout: ({ session }) => session.destroy(),
  late: async ({ res, session }) => {
    res.write('a')
    await new Promise((resolve) => setImmediate(resolve))
    session[FIELD] = `${VALUE} too`
    res.end('b')
    return ANSWERED
  },
  dead: async ({ session }) => {
    await session.destroy()
    session[FIELD] = `${VALUE} again`
  },
  set: ({ session, query }) => void (session[query.get('field') as string] = VALUE),
  show: ({ session }) => session[FIELD],
}

const startPages = (options: Partial<SessionOptions<Data>> = {}): Promise<Site> =>
  startSite(oneKoa, pages, { realTime: true, ...options })

test('logins, logouts, wrong cookies and changes that come too late', async () => {
  const environment = process.env.NODE_ENV
  process.env.NODE_ENV = 'production'
  onTestFinished(() => void (process.env.NODE_ENV = environment))
  const site = await startPages({ cookie: { name: 'sid', secure: false } })
  const data = { [FIELD]: VALUE }
  const { cookie = '' } = await site.get('/login', { cookie: await loggedIn(site, data) })
  for (const path of ['/show', '/logout', '/show']) await site.get(path, { cookie })
  for (const path of ['/late', '/dead']) await site.get(path, { cookie: await loggedIn(site, data) })
  await site.get('/show', { cookie: `${cookie.slice(0, -1)}${cookie.endsWith('A') ? 'B' : 'A'}` })
  await site.get('/show', { cookie: `${await loggedIn(site, data)}; ${await loggedIn(site, data)}` })
  await site.get('/show', {
    cookie: await loggedIn(await startPages({ cookie: { name: 'sid', secure: false } }), data),
  })
  await until('both were told', () => told('late-change') && told('dead-session-changed'))
})

test('a store that is slow, that is away, and that is back', async () => {
  let now = Date.now()
  const site = await startPages({ clock: () => now })
  const [faults] = site.faults as [(typeof site.faults)[0]]
  const cookie = await loggedIn(site, { [FIELD]: VALUE })

  const slow = createKey()
  faults.fault = ({ key }) => (key === slow ? { kind: 'delay', ms: 400 } : undefined)
  await guard(faults)
    .read(slow)
    .catch(() => {})
  await until('the answer has come', () => told('late-reply'))

  faults.fault = { kind: 'throw', on: 'write' }
  await site.get('/set?field=here', { cookie })
  now += 10 * 60_000
  faults.fault = { kind: 'throw', on: 'touch', error: new Error(`${FIELD} ${VALUE} ${cookie}`) }
  await until('the deadline was not moved', async () => {
    await site.get('/show', { cookie })
    return told('touch-failed')
  })
  faults.fault = { kind: 'throw' }
  for (let call = 0; call < 4; call++) await site.get('/show', { cookie })
  faults.fault = undefined
  await until('calls go through', async () => (await site.get('/show', { cookie })).status === 200)
})

test('a store that never opens', async () => {
  const open = () => Promise.reject(new Error(`no store for ${USER}`))
  sessionsOf({ store: 'never:', adapters: [{ name: 'never', schemes: ['never'], open }] })
  await until('it was told', () => told('opening-failed'))
})

test('changes of two processes at once, and a store that goes back in time', async () => {
  const before = memoryStore()
  const after = memoryStore()
  let current: SessionStore = before
  const store: SessionStore = {
    name: 'restored',
    read: (...call) => current.read(...call),
    write: (...call) => current.write(...call),
    touch: (...call) => current.touch(...call),
    close: async () => {},
  }
  const [here, there] = [sessionsOf({ store }), sessionsOf({ store })]
  const { id, cookie } = await here.create({ [FIELD]: VALUE })
  const req = () => requestWith(cookie)
  await here.update(req(), async (session) => {
    session['here'] = VALUE
    await there.update(req(), (other) => void (other['there'] = VALUE))
  })
  const backup = await before.read(id)
  if (backup) await after.write(id, backup, 'absent')
  await here.update(req(), (session) => void (session['later'] = VALUE))
  await here.update(req(), (session) => {
    current = after
    session['now'] = VALUE
  })
  expect([told('conflict'), told('lost-writes')]).toEqual([true, true])
})

test('records that cannot be read, and a user with too many sessions', async () => {
  const store = memoryStore()
  const sessions = sessionsOf({ store, maxPerUser: 2 })
  const put = async (data: string) => {
    const { id, cookie } = await sessions.create({ [FIELD]: VALUE })
    const found = await store.read(id)
    if (found) await store.write(id, { ...found, data, revision: 2 }, { replaces: found })
    await sessions.read(requestWith(cookie)).catch(() => {})
  }
  await put(`${FIELD}=${VALUE}`)
  await put(`{"v":99,"u":"${USER}"}\n{"${FIELD}":"${VALUE}"}`)

  const data = { [FIELD]: VALUE }
  for (let login = 0; login < 4; login++) await sessions.create(data, { userId: USER })
  const strict = sessionsOf({ store, maxPerUser: { limit: 2, whenReached: 'reject' } })
  await expect(strict.create(data, { userId: USER })).rejects.toThrow()
  const [oldest] = await sessions.listByUser(USER)
  if (oldest) await store.write(oldest.id, createTombstone(), 'newer')
  expect(await sessions.listByUser(USER)).toHaveLength(1)
})

test('a store that is full, and keys that are not there', async () => {
  const data = { [FIELD]: VALUE }
  const small = sessionsOf({ store: memoryStore({ maxSessions: 1 }) })
  for (let login = 0; login < 2; login++) await small.create(data)
  const tiny = sessionsOf({ store: memoryStore({ maxBytes: 100 }) })
  await expect(tiny.create(data)).rejects.toThrow()

  const server = memoryStore()
  const newKey = () => randomBytes(32).toString('base64url')
  const { cookie } = await sessionsOf({ store: encrypted(server, { keys: newKey() }) }).create(data, { userId: USER })
  const other = sessionsOf({ store: encrypted(server, { keys: newKey() }) })
  expect(await other.read(requestWith(cookie))).toBeUndefined()
  expect(await other.listByUser(USER)).toEqual([])
})

test('a primary that is away and comes back', async () => {
  const primary = faulty(memoryStore())
  const store = failover(primary, memoryStore())
  const sessions = sessionsOf({ store })
  const { cookie } = await sessions.create({ [FIELD]: VALUE }, { userId: USER })
  primary.fault = { kind: 'throw' }
  await sessions.update(requestWith(cookie), (session) => void (session['meanwhile'] = VALUE))
  primary.fault = undefined
  await until('it was given what it lacked', async () => {
    await sessions.read(requestWith(cookie))
    return told('repaired')
  })
})

test('sessions of another library: one that is adopted, and an id that is used again', async () => {
  const adopt = { get: async () => ({ data: { [FIELD]: VALUE } }), destroy: async () => {} }
  const bridge = createBridge(sessionsOf({ store: memoryStore() }), { adopt })
  await bridge.load(USER)
  await bridge.destroy(USER)
  await expect(bridge.store(USER, { [FIELD]: VALUE })).rejects.toThrow()
})

test('a migration, to a store that misses a copy', async () => {
  const [from, to] = [faulty(memoryStore()), faulty(memoryStore())]
  const start = () => {
    const store = migrate({ from, to, lookEvery: '20ms' })
    onTestFinished(() => store.release())
    return store
  }
  const [store] = [start(), start()]
  const sessions = sessionsOf({ store })
  const { id, cookie } = await sessions.create({ [FIELD]: VALUE }, { userId: USER })
  const go = async (phase: MigrationPhase) => {
    await moveMigration(to, phase)
    await until(`all are in ${phase}`, async () =>
      (await migrationStatus(to)).nodes.every(({ phases }) => phases.join() === phase),
    )
  }
  await go('shadow')
  to.fault = ({ key }) => (key === id ? { kind: 'throw' } : undefined)
  await sessions.update(requestWith(cookie), (session) => void (session['here'] = VALUE))
  await until('the copy failed', () => told('shadow-failed'))
  to.fault = undefined
  await sessions.read(requestWith(cookie))
  await until('it was compared', () => told('shadow-differs'))
  await go('switch')
  await go('drain')
  await until('all was brought over', () => told('migration-swept'))
})

test('none of the events has an id, a key, a cookie, a user or data in it', async () => {
  expect(heard.length).toBeGreaterThan(100)
  const texts = new Set(heard.map((event) => JSON.stringify({ ...event, durationMs: undefined })))
  for (const text of texts) {
    for (const secret of [FIELD, VALUE, USER, SECRET]) expect(text).not.toContain(secret)
    expect(text.replace('dead-session-changed', '')).not.toMatch(LONG)
  }
})

test('they are all the events that there are, with the fields that the docs name, and all outcomes of a call', () => {
  const types = heard.flatMap(({ type }) => (typeof type === 'string' ? [type] : []))
  // Peers tell it, in test/peer/health.test.ts.
  const unheard = ['swept']
  expect([...new Set([...types, ...unheard])].sort()).toEqual(Object.keys(typed()).sort())
  for (const { type, ...fields } of heard.filter((event) => 'type' in event))
    expect(typed()[type as string]).toEqual(expect.arrayContaining(Object.keys(fields)))
  expect([...new Set(heard.flatMap(({ outcome }) => outcome ?? []))].sort()).toEqual(outcomes.typed())
})
