import { describe, expect, test } from 'vitest'
import { Meeting } from './meeting.js'
import type { Data, Pages } from './app-server.js'
import { loggedIn, setups, startSite, three, type Site, type Visited } from './site.js'
import { named, running, stores } from './stores.js'

const show: Pages = { show: ({ session }) => ({ ...session }) }

/** Sends so many requests; they all read the session before the first of them stores its change. */
async function together(
  site: Site,
  meeting: { current: Meeting },
  cookie: string,
  paths: readonly string[],
): Promise<Visited[]> {
  meeting.current = new Meeting(paths.length)
  return await Promise.all(paths.map((path) => site.get(path, { cookie })))
}

const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i)
const statuses = (answers: readonly Visited[]): Set<number | undefined> => new Set(answers.map(({ status }) => status))

const data = async (site: Site, cookie: string): Promise<Data> => (await site.get('/show', { cookie })).page<Data>()

describe.each(named(stores))('G1 no lost update, on %s', (_, on) => {
  running(on)

  describe.each(named(setups))('%s', (_, setup) => {
    test(`50 requests at once that each set another field: all 50 are there (${setup.name})`, async () => {
      const meeting = { current: new Meeting(0) }
      const set: Pages = {
        async set({ session, query }) {
          await meeting.current.join()
          session[`field${query.get('n')}`] = query.get('n')
        },
      }
      const site = await startSite(setup, { ...show, ...set }, { on })
      const cookie = await loggedIn(site)
      const answers = await together(
        site,
        meeting,
        cookie,
        range(50).map((n) => `/set?n=${n}`),
      )
      expect(statuses(answers)).toEqual(new Set([200]))
      const expected = Object.fromEntries(range(50).map((n) => [`field${n}`, String(n)]))
      expect(await data(site, cookie)).toEqual({ userId: 'ada', ...expected })
    })

    test(`20 requests at once that change other parts of one nested field: all are there (${setup.name})`, async () => {
      const meeting = { current: new Meeting(0) }
      const set: Pages = {
        async put({ session, query }) {
          await meeting.current.join()
          const cart = session['cart'] as { items: Record<string, { amount: number }>; old?: true }
          cart.items[`item${query.get('n')}`] = { amount: 1 }
        },
        async more({ session, query }) {
          await meeting.current.join()
          const cart = session['cart'] as { items: Record<string, { amount: number }> }
          cart.items[`old${query.get('n')}`]!.amount++
        },
        async tidy({ session }) {
          await meeting.current.join()
          delete (session['cart'] as { note?: string }).note
        },
      }
      const site = await startSite(setup, { ...show, ...set }, { on })
      const old = Object.fromEntries(range(10).map((n) => [`old${n}`, { amount: 1, price: n }]))
      const cookie = await loggedIn(site, { cart: { note: 'x', items: old } })
      const paths = range(10).flatMap((n) => [`/put?n=${n}`, `/more?n=${n}`])
      await together(site, meeting, cookie, [...paths, '/tidy'])
      const put = range(10).map((n) => [`item${n}`, { amount: 1 }])
      const more = range(10).map((n) => [`old${n}`, { amount: 2, price: n }])
      expect(await data(site, cookie)).toEqual({ cart: { items: Object.fromEntries([...put, ...more]) } })
    })

    test(`one field set by 10 requests at once: one of the values, and nothing else is lost (${setup.name})`, async () => {
      const meeting = { current: new Meeting(0) }
      const set: Pages = {
        async theme({ session, query }) {
          await meeting.current.join()
          session['theme'] = `theme ${query.get('n')}`
          session[`mine${query.get('n')}`] = true
        },
      }
      const site = await startSite(setup, { ...show, ...set }, { on })
      const cookie = await loggedIn(site)
      const answers = await together(
        site,
        meeting,
        cookie,
        range(10).map((n) => `/theme?n=${n}`),
      )
      expect(statuses(answers)).toEqual(new Set([200]))
      const { theme, ...rest } = await data(site, cookie)
      expect(range(10).map((n) => `theme ${n}`)).toContain(theme)
      const mine = Object.fromEntries(range(10).map((n) => [`mine${n}`, true]))
      expect(rest).toEqual({ userId: 'ada', ...mine })
    })

    test(`what one request removes stays removed, what others add at the same time stays (${setup.name})`, async () => {
      const meeting = { current: new Meeting(0) }
      const set: Pages = {
        async remove({ session, query }) {
          await meeting.current.join()
          delete session[`old${query.get('n')}`]
        },
        async add({ session, query }) {
          await meeting.current.join()
          session[`new${query.get('n')}`] = true
        },
      }
      const site = await startSite(setup, { ...show, ...set }, { on })
      const old = Object.fromEntries(range(10).map((n) => [`old${n}`, true]))
      const cookie = await loggedIn(site, { kept: true, ...old })
      const paths = range(10).flatMap((n) => [`/remove?n=${n}`, `/add?n=${n}`])
      await together(site, meeting, cookie, paths)
      const added = Object.fromEntries(range(10).map((n) => [`new${n}`, true]))
      expect(await data(site, cookie)).toEqual({ kept: true, ...added })
    })

    test(`requests that save() several times beside each other lose nothing (${setup.name})`, async () => {
      const meeting = { current: new Meeting(0) }
      const set: Pages = {
        async steps({ session, query }) {
          await meeting.current.join()
          for (const step of range(3)) {
            session[`step${step} of ${query.get('n')}`] = step
            await session.save()
          }
          session[`end of ${query.get('n')}`] = true
        },
      }
      const site = await startSite(setup, { ...show, ...set }, { on })
      const cookie = await loggedIn(site)
      await together(
        site,
        meeting,
        cookie,
        range(10).map((n) => `/steps?n=${n}`),
      )
      const all = range(10).flatMap((n) => [
        ...range(3).map((step) => [`step${step} of ${n}`, step]),
        [`end of ${n}`, true],
      ])
      expect(await data(site, cookie)).toEqual({ userId: 'ada', ...Object.fromEntries(all) })
    })
  })

  test('WebSocket messages (sessions.update) beside requests on other servers lose nothing', async () => {
    const meeting = { current: new Meeting(20) }
    const pages: Pages = {
      ...show,
      async set({ session, query }) {
        await meeting.current.join()
        session[`page${query.get('n')}`] = true
      },
    }
    const site = await startSite(three, pages, { on })
    const cookie = await loggedIn(site)
    const socket = { headers: { cookie } } as Parameters<Site['servers'][0]['sessions']['update']>[0]
    const messages = range(10).map((n) =>
      site.servers[n % 3]!.sessions.update(socket, async (session) => {
        await meeting.current.join()
        session[`message${n}`] = true
      }),
    )
    await Promise.all([...messages, ...range(10).map((n) => site.get(`/set?n=${n}`, { cookie }))])
    const all = range(10).flatMap((n) => [
      [`page${n}`, true],
      [`message${n}`, true],
    ])
    expect(await data(site, cookie)).toEqual({ userId: 'ada', ...Object.fromEntries(all) })
  })

  test('a store that loses every third reply: whoever got 200 is stored, once', async () => {
    const meeting = { current: new Meeting(0) }
    const pages: Pages = {
      ...show,
      async set({ session, query }) {
        await meeting.current.join()
        session[`field${query.get('n')}`] = ((session[`field${query.get('n')}`] as number | undefined) ?? 0) + 1
      },
    }
    const site = await startSite(three, pages, { on })
    const cookie = await loggedIn(site)
    let calls = 0
    for (const store of site.faults) {
      store.fault = ({ operation }) => (operation === 'write' && ++calls % 3 === 0 ? { kind: 'lose-reply' } : undefined)
    }
    for (const round of [1, 2, 3, 4]) {
      const paths = range(15).map((n) => `/set?n=${n}`)
      expect(statuses(await together(site, meeting, cookie, paths))).toEqual(new Set([200]))
      const all = Object.fromEntries(range(15).map((n) => [`field${n}`, round]))
      expect(await data(site, cookie)).toEqual({ userId: 'ada', ...all })
    }
    expect(calls).toBeGreaterThan(6)
  })
})
