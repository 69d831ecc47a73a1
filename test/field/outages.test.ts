// FIELD.md L5, L7, L8 and BACKENDS.md M2, M3: what was measured on the libraries of today, and the same requests here.
import { createRequire } from 'node:module'
import expressSession from 'express-session'
import { describe, expect, test } from 'vitest'
import { Gate, until } from '../hold/fake-target.js'
import { loggedIn, oneExpress, oneKoa, startSite, three } from '../guarantees/site.js'
import { named } from '../guarantees/stores.js'
import { expressSessionSite, koaSessionSite } from './them.js'

const login = ({ session }: { readonly session: Record<string, unknown> | null }): void =>
  void (session!['userId'] = 'ada')

/** A store of express-session whose `set` does what the test wants. */
class SlowStore extends expressSession.MemoryStore {
  saves = 0
  constructor(readonly onSet: (store: () => void, done: (error?: unknown) => void) => void) {
    super()
  }
  override set(id: string, session: expressSession.SessionData, done: (error?: unknown) => void = () => {}): void {
    this.saves++
    this.onSet(() => super.set(id, session, done), done)
  }
}

describe('L5: the handler changes its session, then throws', () => {
  test('koa-session answers 500 and has stored the change', async () => {
    const crash = ({ session }: { readonly session: Record<string, unknown> | null }): never => {
      session!['half'] = 'done'
      throw new Error('a bug')
    }
    const site = await koaSessionSite({ login, crash, show: () => undefined })
    await site.get('/login')
    expect((await site.get('/crash')).status).toBe(500)
    expect(JSON.parse((await site.get('/show')).body)).toMatchObject({ page: { half: 'done' } })
  })

  test.each(named([oneKoa, oneExpress]))('Holdfast answers 500 and has not: %s', async (_, setup) => {
    const site = await startSite(setup, {
      crash({ session }) {
        session['half'] = 'done'
        throw new Error('a bug')
      },
      show: ({ session }) => ({ ...session }),
    })
    const cookie = await loggedIn(site)
    expect((await site.get('/crash', { cookie })).status).toBe(500)
    expect((await site.get('/show', { cookie })).page()).toEqual({ userId: 'ada' })
  })
})

describe('L7: a redirect after the login, and a store that is still at work', () => {
  test('express-session sends the redirect before the session is stored', async () => {
    const gate = new Gate()
    const store = new SlowStore((save) => void gate.passed.then(save))
    const site = await expressSessionSite(
      {
        login(visit) {
          login(visit)
          visit.redirect('/show')
        },
        show: () => undefined,
      },
      { store },
    )
    // The body is held back, the head is not: a browser goes on from there.
    const head = await site.head('/login')
    expect(head).toMatchObject({ status: 302, cookie: expect.stringContaining('connect.sid=') })
    expect(store.saves).toBe(1)
    expect(JSON.parse((await site.get('/show', head.cookie)).body)).toEqual({
      page: expect.not.objectContaining({ userId: 'ada' }),
    })
    gate.open()
  })

  test.each(named([oneKoa, oneExpress, three]))('Holdfast sends it after: %s', async (_, setup) => {
    const site = await startSite(setup, {
      login(visit) {
        login(visit)
        return visit.redirect('/show')
      },
      show: ({ session }) => ({ ...session }),
    })
    const gate = new Gate()
    for (const store of site.faults) store.fault = { kind: 'delay', until: gate.passed, on: 'write' }
    let answered = false
    const redirect = site.get('/login').finally(() => (answered = true))
    await until(() => site.faults.some(({ calls }) => calls.write > 0))
    expect(answered).toBe(false)
    gate.open()
    const { status, cookie } = await redirect
    expect(status).toBe(302)
    expect((await site.get('/show', { cookie })).page()).toEqual({ userId: 'ada' })
  })
})

describe('M2: the store refuses the write', () => {
  test('express-session answers 200 with a cookie', async () => {
    const store = new SlowStore((_, done) => done(new Error('the store is down')))
    const site = await expressSessionSite({ login }, { store })
    const { status, headers } = await site.get('/login')
    expect(status).toBe(200)
    expect(headers['set-cookie']).toEqual([expect.stringContaining('connect.sid=')])
  })

  test.each(named([oneKoa, oneExpress]))('Holdfast answers 503 without one: %s', async (_, setup) => {
    const site = await startSite(setup, { login })
    site.faults[0]!.fault = { kind: 'throw' }
    expect(await site.get('/login')).toMatchObject({ status: 503, setCookies: [] })
  })
})

describe('M3: the store never answers', () => {
  test.each(named([oneKoa, oneExpress]))(
    'Holdfast answers 503 within its deadlines, when express-session and koa-session still hang: %s',
    async (_, setup) => {
      const hanging = await Promise.all([
        expressSessionSite({ login }, { store: new SlowStore(() => undefined) }),
        koaSessionSite({ login }, { get: () => undefined, set: () => new Promise(() => {}), delete: () => {} }),
      ])
      let answered = 0
      for (const site of hanging) void site.get('/login').then(({ broken }) => broken || answered++)
      const site = await startSite(setup, { login, show: ({ session }) => ({ ...session }) })
      const cookie = await loggedIn(site)
      site.faults[0]!.fault = { kind: 'hang' }
      expect(await site.get('/show', { cookie })).toMatchObject({ status: 503, setCookies: [] })
      expect(await site.get('/login')).toMatchObject({ status: 503, setCookies: [] })
      expect(answered).toBe(0)
    },
  )
})

describe('L8: require', () => {
  test('what require gives for koa-session is no function any more', () => {
    expect(typeof createRequire(import.meta.url)('koa-session')).toBe('object')
  })
})
