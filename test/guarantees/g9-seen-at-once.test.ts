import { describe, expect, test } from 'vitest'
import type { Pages } from './app-server.js'
import { loggedIn, startSite, three, type Site } from './site.js'
import { named, running, stores } from './stores.js'

const pages: Pages = {
  show: ({ session }) => ({ ...session }),
  set: ({ session, query }) => void (session['field'] = query.get('to')),
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
})
