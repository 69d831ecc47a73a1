import { describe, expect, test } from 'vitest'
import type { Pages } from './app-server.js'
import { named, running, stores } from './stores.js'
import { setups, startSite, type Setup, type Site } from './site.js'

const pages: Pages = {
  show: ({ session }) => ({ ...session }),
  login: async ({ session, query }) => {
    session.rotate()
    session.user = query.get('user')
    return session.bindUser(query.get('user') as string).catch((error: { code: string }) => error.code)
  },
  rebind: async ({ session, query }) => {
    session.user = query.get('user')
    await session.bindUser(query.get('user') as string)
  },
  id: ({ session }) => session.id,
  others: ({ sessions, session, query }) => sessions.destroyByUser(query.get('user') as string, { except: session.id }),
  logout: ({ session }) => session.destroy(),
}

async function login(site: Site, user: string, cookie?: string): Promise<string> {
  return (await site.get(`/login?user=${user}`, { cookie })).cookie as string
}

const userOf = async (site: Site, cookie: string): Promise<unknown> =>
  (await site.get('/show', { cookie })).page<{ user?: string }>().user

describe.each(named(stores))('sessions of a user on %s', (_, store) => {
  running(store)

  describe.each(named(setups))('%s', (_name, setup: Setup) => {
    const start = (options = {}) => startSite(setup, pages, { on: store, ...options })

    test('a user’s devices are listed, with their data and deadlines', async () => {
      const site = await start()
      const cookies = [await login(site, 'ada'), await login(site, 'ada')]
      await login(site, 'bob')
      const ids = await Promise.all(cookies.map(async (cookie) => (await site.get('/id', { cookie })).page<string>()))
      const list = await site.servers[0]!.sessions.listByUser('ada')
      expect(list.map(({ id }) => id).sort()).toEqual(ids.sort())
      for (const { data, createdAt, expiresAt, absoluteExpiresAt } of list) {
        expect(data).toEqual({ user: 'ada' })
        expect(expiresAt - createdAt).toBeGreaterThan(29 * 60_000)
        expect(absoluteExpiresAt - createdAt).toBe(12 * 3_600_000)
      }
    })

    test('a user logs out everywhere else, and others stay', async () => {
      const site = await start()
      const [phone, laptop, bob] = [await login(site, 'ada'), await login(site, 'ada'), await login(site, 'bob')]
      expect((await site.get('/others?user=ada', { cookie: phone })).page()).toBe(1)
      expect(await Promise.all([phone, laptop, bob].map((cookie) => userOf(site, cookie)))).toEqual([
        'ada',
        undefined,
        'bob',
      ])
    })

    test('the oldest session ends when a user has too many; a rotation does not count twice', async () => {
      const site = await start({ maxPerUser: 2 })
      const first = await login(site, 'ada')
      const second = await login(site, 'ada', await login(site, 'ada'))
      expect(await Promise.all([first, second].map((cookie) => userOf(site, cookie)))).toEqual(['ada', 'ada'])
      const third = await login(site, 'ada')
      expect(await Promise.all([first, second, third].map((cookie) => userOf(site, cookie)))).toEqual([
        undefined,
        'ada',
        'ada',
      ])
    })

    test('where too many are refused, a logout makes room', async () => {
      const site = await start({ maxPerUser: { limit: 1, whenReached: 'reject' } })
      const first = await login(site, 'ada')
      expect((await site.get('/login?user=ada')).page()).toBe('USER_SESSION_LIMIT')
      await site.get('/logout', { cookie: first })
      expect(await userOf(site, await login(site, 'ada'))).toBe('ada')
    })

    test('a session that another user takes over leaves the list of the first', async () => {
      const site = await start()
      const cookie = await login(site, 'ada')
      await site.get('/rebind?user=bob', { cookie })
      const { sessions } = site.servers[0]!
      expect(await sessions.listByUser('ada')).toEqual([])
      expect(await sessions.destroyByUser('ada')).toBe(0)
      expect(await userOf(site, cookie)).toBe('bob')
      expect(await sessions.destroyByUser('bob')).toBe(1)
      expect(await userOf(site, cookie)).toBeUndefined()
    })
  })
})
