import { describe, expect, test } from 'vitest'
import { until } from '../servers/until.js'
import type { Data, Pages } from './app-server.js'
import { freezeTime } from './frozen-time.js'
import { loggedIn, startSite, three, type Site } from './site.js'
import { named, running, stores, type StoreUnderTest } from './stores.js'

const pages: Pages = {
  show: ({ session }) => ({ ...session }),
  set: ({ session, query }) => void (session['field'] = query.get('to')),
  add: ({ session, query }) => void (session[query.get('field') as string] = true),
  fresh: async ({ session }) => {
    await session.reload()
    return { ...session }
  },
  remove: ({ session }) => void delete session['field'],
  logout: ({ session }) => session.destroy(),
  leave: ({ assign }) => assign(null),
  rotate: ({ session }) => session.rotate(),
  login: async ({ session }) => {
    session['userId'] = 'ada'
    await session.bindUser('ada')
  },
  everywhere: ({ sessions }) => sessions.destroyByUser('ada'),
}

/** What each server shows of this session, all asked at once. */
const shown = (site: Site, cookie: string): Promise<unknown[]> =>
  Promise.all(site.servers.map(async (_, server) => (await site.get('/show', { cookie, server })).page()))

describe.each(named(stores))('G9 seen at once, on %s', (_, on) => {
  running(on)

  test('what one server has changed, every server shows to the next request', async () => {
    const site = await startSite(three, pages, { on })
    const cookie = await loggedIn(site)
    for (let i = 0; i < 30; i++) {
      await site.get(`/set?to=${i}`, { cookie, server: i % 3 })
      expect(await shown(site, cookie)).toEqual(site.servers.map(() => ({ userId: 'ada', field: String(i) })))
    }
    await site.get('/remove', { cookie, server: 1 })
    expect(await shown(site, cookie)).toEqual(site.servers.map(() => ({ userId: 'ada' })))
  })

  test.each(['/logout', '/leave', '/everywhere'])(
    'whom one server has logged out, no server knows any more: %s',
    async (path) => {
      const site = await startSite(three, pages, { on })
      for (let server = 0; server < 3; server++) {
        const { cookie = '' } = await site.get('/login')
        expect(await shown(site, cookie)).toEqual(site.servers.map(() => ({ userId: 'ada' })))
        await site.get(path, { cookie, server })
        expect(await shown(site, cookie)).toEqual(site.servers.map(() => ({})))
      }
    },
  )

  test('a new id of one server is good on every server, and the old one on none', async () => {
    const site = await startSite(three, pages, { on })
    for (let server = 0; server < 3; server++) {
      const before = await loggedIn(site)
      const { cookie = '' } = await site.get('/rotate', { cookie: before, server })
      expect(await shown(site, cookie)).toEqual(site.servers.map(() => ({ userId: 'ada' })))
      expect(await shown(site, before)).toEqual(site.servers.map(() => ({})))
    }
  })

  describe('with a near cache of 500 ms', () => {
    const nearCache = { maxStaleMs: 500 }
    const AFTER_MS = 501

    /** Three servers that hear nothing of each other and have the session in their near caches; time stands still. */
    async function warmSite(): Promise<{ site: Site; cookie: string; pass: (ms: number) => Promise<void> }> {
      const pass = freezeTime()
      const site = await startSite(three, pages, { on: withoutNews(on), nearCache })
      const { cookie = '' } = await site.get('/login')
      await shown(site, cookie)
      site.newCalls()
      expect(await shown(site, cookie)).toEqual(site.servers.map(() => ({ userId: 'ada' })))
      expect(site.newCalls()).toEqual({ read: 0, write: 0, touch: 0 })
      return { site, cookie, pass }
    }

    test('a change is shown by its own server at once, and by every server 500 ms later', async () => {
      const { site, cookie, pass } = await warmSite()
      await site.get('/set?to=new', { cookie, server: 0 })
      const [own, ...others] = await shown(site, cookie)
      expect(own).toEqual({ userId: 'ada', field: 'new' })
      expect(others).toEqual([{ userId: 'ada' }, { userId: 'ada' }])
      expect((await site.get('/fresh', { cookie, server: 1 })).page()).toEqual({ userId: 'ada', field: 'new' })
      await pass(AFTER_MS)
      expect(await shown(site, cookie)).toEqual(site.servers.map(() => ({ userId: 'ada', field: 'new' })))
    })

    test.each(['/logout', '/leave', '/everywhere'])(
      '500 ms after a logout no server knows the session, its own server at once: %s',
      async (path) => {
        const { site, cookie, pass } = await warmSite()
        await site.get(path, { cookie, server: 0 })
        expect((await site.get('/show', { cookie, server: 0 })).page()).toEqual({})
        await pass(AFTER_MS)
        expect(await shown(site, cookie)).toEqual(site.servers.map(() => ({})))
      },
    )

    test('changes that start from a stale session are merged, and after a logout they bring nothing back', async () => {
      const { site, cookie, pass } = await warmSite()
      // A conflict waits for a moment before it tries again, and time stands still.
      const change = async (field: string, server: number): Promise<void> => {
        let isAnswered = false
        void site.get(`/add?field=${field}`, { cookie, server }).then(() => (isAnswered = true))
        while (!isAnswered) await pass(1)
      }
      for (const server of [0, 1, 2]) await change(`field${server}`, server)
      await pass(AFTER_MS)
      const all = { userId: 'ada', field0: true, field1: true, field2: true }
      expect(await shown(site, cookie)).toEqual(site.servers.map(() => all))
      await site.get('/logout', { cookie, server: 0 })
      await change('late', 1)
      await pass(AFTER_MS)
      expect(await shown(site, cookie)).toEqual(site.servers.map(() => ({})))
    })

    const whereTold = on.reportsChanges ? test : () => {}
    whereTold('where servers are told of changes they see them without any time going by', async () => {
      freezeTime()
      const site = await startSite(three, pages, { on, nearCache })
      const { cookie = '' } = await site.get('/login')
      const isShown = async (page: Data): Promise<boolean> =>
        (await shown(site, cookie)).every((one) => JSON.stringify(one) === JSON.stringify(page))
      const isCached = async (): Promise<boolean> => {
        site.newCalls()
        await shown(site, cookie)
        return site.newCalls().read === 0
      }
      for (let round = 0; round < 5; round++) {
        await until('the session is in every near cache', isCached)
        await site.get(`/set?to=${round}`, { cookie, server: round % 3 })
        await until('all are told', () => isShown({ userId: 'ada', field: String(round) }))
      }
      await until('the session is in every near cache', isCached)
      await site.get('/logout', { cookie, server: 1 })
      await until('all are told', () => isShown({}))
    })
  })
})

/** The same store, but it reports no changes. */
const withoutNews = (on: StoreUnderTest): StoreUnderTest => ({
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
          touch: (...args) => store.touch(...args),
          close: () => store.close(),
        }
      },
    }
  },
})
