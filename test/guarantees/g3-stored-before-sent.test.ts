import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Gate, bytesSent, until } from '../hold/fake-target.js'
import { ANSWERED, type Data, type Page, type Pages, type Visit } from './app-server.js'
import { freezeTime } from './frozen-time.js'
import { loggedIn, oneExpress, oneKoa, setups, startSite, three } from './site.js'
import { named, running, stores } from './stores.js'

const show: Pages = { show: ({ session }) => ({ ...session }) }

/** The ways in which handlers answer. */
const answers: Readonly<Record<string, Page>> = {
  'a body': () => 'hello',
  'a redirect': ({ redirect }) => redirect('/show'),
  'writeHead and end': ({ res }) => {
    res.writeHead(200, { 'content-type': 'text/plain' }).end('hello')
    return ANSWERED
  },
  'a stream in pieces': async ({ res }) => {
    res.statusCode = 200
    for (const piece of ['a', 'b', 'c']) {
      res.write(piece)
      await turn()
    }
    res.end()
    return ANSWERED
  },
  'flushed headers (server-sent events)': ({ res }) => {
    res.statusCode = 200
    res.setHeader('content-type', 'text/event-stream')
    res.flushHeaders()
    res.end('data: hello\n\n')
    return ANSWERED
  },
}

/** Logs in, then answers in one of these ways. */
const pagesFor = (answer: string, entered: (visit: Visit) => void): Pages => ({
  ...show,
  login(visit) {
    visit.session['userId'] = 'ada'
    entered(visit)
    return (answers[answer] as Page)(visit)
  },
})

describe.each(named(stores))('G3 stored before sent, on %s', (_, on) => {
  running(on)

  describe.each(named([oneKoa, oneExpress]))('%s', (_, setup) => {
    test.each(Object.keys(answers))(
      `not a byte leaves while the store takes 400 ms: %s (${setup.name})`,
      async (answer) => {
        const pass = freezeTime()
        let visit: Visit | undefined
        const site = await startSite(
          setup,
          pagesFor(answer, (entered) => (visit = entered)),
          { on },
        )
        const [store] = site.faults
        const gate = new Gate()
        store!.fault = { kind: 'delay', until: gate.passed, on: 'write' }
        const login = site.get('/login')
        await until(() => store!.calls.write > 0)
        await pass(400)
        expect(bytesSent(visit!.req)).toBe(0)
        store!.fault = undefined
        gate.open()
        const { status, cookie } = await login
        expect(status).toBe(answer === 'a redirect' ? 302 : 200)
        expect((await site.get('/show', { cookie })).page()).toEqual({ userId: 'ada' })
      },
    )

    test.each(Object.keys(answers))(
      `the store refuses the write: 503, and nothing of the handler's answer: %s (${setup.name})`,
      async (answer) => {
        for (const isKnown of [false, true]) {
          const site = await startSite(
            setup,
            pagesFor(answer, () => {}),
            { on },
          )
          const cookie = isKnown ? await loggedIn(site, { userId: 'grace' }) : undefined
          site.faults[0]!.fault = { kind: 'throw', on: 'write' }
          const { status, body, headers } = await site.get('/login', { cookie })
          expect(status).toBe(503)
          expect(body).toBe('Service Unavailable')
          expect(headers).toMatchObject({ 'retry-after': '1' })
          expect(headers).not.toHaveProperty('set-cookie')
          expect(headers).not.toHaveProperty('location')
        }
      },
    )

    test(`a response that is an error from 500 on stores nothing (${setup.name})`, async () => {
      const pages: Pages = {
        ...show,
        fail({ session, status }) {
          session['half'] = 'done'
          status(500)
        },
        crash({ session }) {
          session['half'] = 'done'
          throw new Error('a bug')
        },
      }
      const site = await startSite(setup, pages, { on })
      const cookie = await loggedIn(site)
      for (const path of ['/fail', '/crash']) {
        expect(await site.get(path, { cookie })).toMatchObject({ status: 500, setCookies: [] })
        expect(await site.get(path)).toMatchObject({ status: 500, setCookies: [] })
      }
      expect(site.newCalls()).toMatchObject({ write: 1, touch: 0 })
      expect((await site.get('/show', { cookie })).page()).toEqual({ userId: 'ada' })
    })
  })

  describe.each(named(setups))('%s', (_, setup) => {
    test(`20 logins with a redirect: each next page is logged in, on any server (${setup.name})`, async () => {
      const pages: Pages = {
        ...show,
        login({ session, query, redirect }) {
          session['userId'] = query.get('user')
          return redirect('/show')
        },
      }
      const site = await startSite(setup, pages, { on })
      for (const store of site.faults) store.fault = { kind: 'delay', ms: 20 }
      const users = Array.from({ length: 20 }, (_, i) => `user${i}`)
      const seen = await Promise.all(
        users.map(async (user) => {
          const { status, headers, cookie } = await site.get(`/login?user=${user}`)
          expect(status).toBe(302)
          return (await site.get(headers.location as string, { cookie })).page<Data>()
        }),
      )
      expect(seen).toEqual(users.map((userId) => ({ userId })))
    })
  })

  test('a store with faults of every kind, 150 changes: whatever was answered 200 is stored', async () => {
    const pages: Pages = {
      ...show,
      set: ({ session, query }) => void (session[query.get('field') as string] = true),
    }
    const site = await startSite(three, pages, { on })
    let calls = 0
    for (const store of site.faults) {
      store.fault = ({ operation }) => {
        if (operation !== 'write') return undefined
        return ([{ kind: 'throw' }, { kind: 'lose-reply' }, undefined, { kind: 'apply-later' }, undefined] as const)[
          calls++ % 5
        ]
      }
    }
    const cookie = await until200(async () => (await site.get('/set?field=first')).cookie)
    const acknowledged = ['first']
    const told = new Set<number | undefined>()
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from({ length: 15 }, async (_, i) => {
          const field = `field${round * 15 + i}`
          const { status } = await site.get(`/set?field=${field}`, { cookie })
          told.add(status)
          if (status === 200) acknowledged.push(field)
        }),
      )
      for (const store of site.faults) await store.applyLate()
    }
    expect([...told].filter((status) => status !== 200 && status !== 503)).toEqual([])
    expect(acknowledged.length).toBeGreaterThan(20)
    for (const store of site.faults) store.fault = undefined
    const stored = await until200(async () => {
      const answer = await site.get('/show', { cookie })
      return answer.status === 200 ? Object.keys(answer.page<Data>()) : undefined
    })
    expect(acknowledged.filter((field) => !stored.includes(field))).toEqual([])
  })
})

/** Again until it has an answer: a breaker that opened lets calls through in a while. */
async function until200<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
  }
}
