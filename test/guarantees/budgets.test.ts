import type { SessionEvent, StoreEvent } from '@holdfast/core'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Gate, settle, until } from '../hold/fake-target.js'
import type { Data, Page, Pages } from './app-server.js'
import { freezeTime } from './frozen-time.js'
import { loggedIn, oneExpress, oneKoa, startSite, type Site, type Visited } from './site.js'
import { memory, named } from './stores.js'

const pages: Pages = {
  show: ({ session }) => ({ isNew: session.isNew, data: { ...session } }),
  set: ({ session }) => void (session['field'] = 'new'),
  logout: ({ session }) => session.destroy(),
  leave: ({ assign }) => assign(null),
  rotate: ({ session }) => session.rotate(),
}

/** The answer of a request, when it is there. */
interface Pending {
  answer: Visited | undefined
}

function send(site: Site, path: string, cookie?: string): Pending {
  const pending: Pending = { answer: undefined }
  void site.get(path, { cookie }).then((answer) => (pending.answer = answer))
  return pending
}

/** The types of what is published while this test runs. */
function eventsOf(channel: 'holdfast:store' | 'holdfast:session'): string[] {
  const types: string[] = []
  const note = (event: unknown): void => void types.push((event as SessionEvent | StoreEvent).type)
  subscribe(channel, note)
  onTestFinished(() => void unsubscribe(channel, note))
  return types
}

const unavailable = { status: 503, headers: expect.objectContaining({ 'retry-after': '1' }), setCookies: [] }

// On memory alone: frozen time is for stores without timers and sockets of their own. Real servers: g7-*.
describe.each(named([memory]))('a store that is away, on %s', (_, on) => {
  describe.each(named([oneKoa, oneExpress]))('%s', (_, setup) => {
    test('a read that hangs: 503 after 250 ms and no later', async () => {
      const pass = freezeTime()
      const site = await startSite(setup, pages, { on })
      const cookie = await loggedIn(site)
      site.faults[0]!.fault = { kind: 'hang' }
      site.newCalls()
      const request = send(site, '/show', cookie)
      await until(() => site.faults[0]!.calls.read > 0)
      await pass(249)
      expect(request.answer).toBeUndefined()
      await pass(1)
      await until(() => request.answer !== undefined)
      expect(request.answer).toMatchObject(unavailable)
      expect(site.newCalls()).toEqual({ read: 1, write: 0, touch: 0 })
    })

    test.each(['/set', '/rotate', '/leave'])(
      'a write that hangs, %s: 503 within 600 ms after the handler',
      async (path) => {
        const pass = freezeTime()
        const site = await startSite(setup, pages, { on })
        const cookie = await loggedIn(site)
        site.faults[0]!.fault = { kind: 'hang', on: 'write' }
        const request = send(site, path, cookie)
        await until(() => site.faults[0]!.calls.write > 1)
        await pass(249)
        expect(request.answer).toBeUndefined()
        await pass(600 - 249)
        await until(() => request.answer !== undefined)
        expect(request.answer).toMatchObject(unavailable)
      },
    )

    test('the rotation of a user’s session on a slow store is answered within 600 ms, whatever it takes', async () => {
      const pass = freezeTime()
      const site = await startSite(setup, pages, { on })
      const { cookie } = await site.servers[0]!.sessions.create({ userId: 'ada' }, { userId: 'ada' })
      site.newCalls()
      site.faults[0]!.fault = (call) =>
        call.operation === 'read' && call.key.length === 43 ? undefined : { kind: 'delay', ms: 190 }
      const request = send(site, '/rotate', cookie)
      await until(() => site.faults[0]!.calls.read > 1)
      await pass(600)
      await until(() => request.answer !== undefined)
      expect(request.answer).toMatchObject(unavailable)
    })

    test('a new session that cannot be stored: 503 within 600 ms, no cookie', async () => {
      const pass = freezeTime()
      const site = await startSite(setup, pages, { on })
      site.faults[0]!.fault = { kind: 'hang' }
      const request = send(site, '/set')
      await until(() => site.faults[0]!.calls.write > 0)
      await pass(600)
      await until(() => request.answer !== undefined)
      expect(request.answer).toMatchObject(unavailable)
    })

    test('50 changes of one session while the store hangs: all are answered within 600 ms', async () => {
      const pass = freezeTime()
      const site = await startSite(setup, pages, { on })
      const cookie = await loggedIn(site)
      site.faults[0]!.fault = { kind: 'hang', on: 'write' }
      site.newCalls()
      const requests = Array.from({ length: 50 }, () => send(site, '/set', cookie))
      await until(() => site.faults[0]!.calls.read === 50)
      await pass(600)
      await until(() => requests.every(({ answer }) => answer !== undefined))
      for (const { answer } of requests) expect(answer).toMatchObject(unavailable)
    })

    test.each(['/logout', '/rotate', '/set', '/leave'])(
      '%s behind changes that hang has 600 ms too, not those of the others',
      async (path) => {
        const pass = freezeTime()
        const site = await startSite(setup, pages, { on })
        const cookie = await loggedIn(site)
        const [store] = site.faults
        store!.fault = { kind: 'hang', on: 'write' }
        const arrived = async (what: string): Promise<Pending> => {
          const { read } = store!.calls
          const request = send(site, what, cookie)
          await until(() => store!.calls.read > read)
          await settle()
          return request
        }
        await arrived('/set')
        await pass(300)
        await arrived('/set')
        await pass(10)
        const request = await arrived(path)
        for (let ms = 0; ms < 600; ms += 100) {
          // Reads are answered, so the breaker stays closed.
          await arrived('/show')
          await pass(100)
        }
        await settle()
        expect(request.answer).toMatchObject(unavailable)
      },
    )

    test('a change that lost to another one and then gets no answer: 503 within 600 ms, no conflict', async () => {
      const pass = freezeTime()
      const gate = new Gate()
      const slow: Page = async ({ session }) => {
        await gate.passed
        session['other'] = 'mine'
      }
      const site = await startSite(setup, { ...pages, slow }, { on })
      const cookie = await loggedIn(site)
      const [store] = site.faults
      const { read } = store!.calls
      const request = send(site, '/slow', cookie)
      await until(() => store!.calls.read > read)
      await site.get('/set', { cookie })
      let writes = 0
      store!.fault = ({ operation }) => (operation === 'write' && ++writes > 1 ? { kind: 'hang' } : undefined)
      gate.open()
      // Between two attempts it waits for a moment, at random.
      while (writes < 2) await pass(1)
      for (let ms = 0; ms < 600; ms += 100) await pass(100)
      expect(request.answer).toMatchObject(unavailable)
    })

    test('a reader behind changes that hang is answered within 600 ms, though its deadline cannot be moved', async () => {
      const pass = freezeTime()
      let now = Date.now()
      const site = await startSite(setup, pages, { on, clock: () => now })
      const cookie = await loggedIn(site)
      now += 10 * 60_000
      const [store] = site.faults
      store!.fault = { kind: 'hang', on: 'write' }
      const arrived = async (path: string): Promise<Pending> => {
        const { read } = store!.calls
        const request = send(site, path, cookie)
        await until(() => store!.calls.read > read)
        await settle()
        return request
      }
      await arrived('/set')
      await pass(300)
      const reader = await arrived('/show')
      for (let ms = 0; ms < 600; ms += 100) {
        await arrived('/set')
        await pass(100)
      }
      await settle()
      expect(reader.answer?.page()).toEqual({ isNew: false, data: { userId: 'ada' } })
    })

    test('a logout behind a change and a reader that hang is answered within 600 ms', async () => {
      const pass = freezeTime()
      let now = Date.now()
      const site = await startSite(setup, pages, { on, clock: () => now })
      const cookie = await loggedIn(site)
      now += 10 * 60_000
      const [store] = site.faults
      store!.fault = ({ operation }) => (operation === 'read' ? undefined : { kind: 'hang' })
      let logout: Pending | undefined
      for (const path of ['/set', '/show', '/logout']) {
        const { read } = store!.calls
        logout = send(site, path, cookie)
        await until(() => store!.calls.read > read)
        await pass(5)
      }
      for (let ms = 5; ms < 600; ms += 85) {
        // Reads are answered, so the breaker stays closed.
        void site.get('/show', { cookie })
        await pass(85)
      }
      expect(logout!.answer).toMatchObject(unavailable)
    })

    test('a touch that hangs costs its 250 ms and fails nothing', async () => {
      const pass = freezeTime()
      let now = Date.now()
      const site = await startSite(setup, pages, { on, clock: () => now })
      const cookie = await loggedIn(site)
      now += 10 * 60_000
      site.faults[0]!.fault = { kind: 'hang', on: 'touch' }
      const request = send(site, '/show', cookie)
      await until(() => site.faults[0]!.calls.touch > 0)
      await pass(250)
      await until(() => request.answer !== undefined)
      expect(request.answer!.page()).toEqual({ isNew: false, data: { userId: 'ada' } })
    })

    test('after three failures in a row requests are refused at once, with no call to the store', async () => {
      const events = eventsOf('holdfast:store')
      const pass = freezeTime()
      const site = await startSite(setup, pages, { on })
      const cookie = await loggedIn(site)
      site.faults[0]!.fault = { kind: 'hang' }
      site.newCalls()
      const first = Array.from({ length: 3 }, () => send(site, '/show', cookie))
      await until(() => site.faults[0]!.calls.read === 3)
      await pass(250)
      await until(() => first.every(({ answer }) => answer !== undefined))
      expect(events.filter((type) => type === 'breaker-opened')).toHaveLength(1)
      site.newCalls()
      // Time stands still: what is answered here took none.
      for (let i = 0; i < 20; i++) expect(await site.get('/show', { cookie })).toMatchObject(unavailable)
      expect(await site.get('/set')).toMatchObject(unavailable)
      expect((await site.get('/show')).status).toBe(200)
      expect(site.newCalls()).toEqual({ read: 0, write: 0, touch: 0 })
    })

    test('it recovers by itself: one probe each 500 ms, and when that is answered everybody goes on', async () => {
      const events = eventsOf('holdfast:store')
      const pass = freezeTime()
      const site = await startSite(setup, pages, { on })
      const [store] = site.faults
      const cookie = await loggedIn(site)
      store!.fault = { kind: 'throw' }
      for (let i = 0; i < 3; i++) expect(await site.get('/show', { cookie })).toMatchObject(unavailable)
      await pass(500)
      site.newCalls()
      for (let i = 0; i < 5; i++) expect(await site.get('/show', { cookie })).toMatchObject(unavailable)
      expect(site.newCalls()).toEqual({ read: 1, write: 0, touch: 0 })
      store!.fault = undefined
      await pass(499)
      expect(await site.get('/show', { cookie })).toMatchObject(unavailable)
      await pass(1)
      for (let i = 0; i < 5; i++) expect(await site.get('/set', { cookie })).toMatchObject({ status: 200 })
      expect((await site.get('/show', { cookie })).page()).toMatchObject({ data: { userId: 'ada', field: 'new' } })
      expect(events.filter((type) => type === 'breaker-closed')).toHaveLength(1)
    })

    test("onUnavailable 'ephemeral': an empty session for this request only; nothing is stored and no cookie changes", async () => {
      const pass = freezeTime()
      const site = await startSite(setup, pages, { on, onUnavailable: 'ephemeral' })
      const cookie = await loggedIn(site)
      site.faults[0]!.fault = { kind: 'hang' }
      site.newCalls()
      const read = send(site, '/show', cookie)
      await until(() => site.faults[0]!.calls.read === 1)
      await pass(250)
      await until(() => read.answer !== undefined)
      expect(read.answer!.page()).toEqual({ isNew: true, data: {} })
      site.faults[0]!.fault = { kind: 'throw' }
      expect(await site.get('/set', { cookie })).toMatchObject({ status: 200, setCookies: [] })
      expect(site.newCalls()).toEqual({ read: 2, write: 0, touch: 0 })
      site.faults[0]!.fault = undefined
      expect((await site.get('/show', { cookie })).page()).toEqual({ isNew: false, data: { userId: 'ada' } })
    })

    test.each(['/logout', '/leave'])(
      "onUnavailable 'ephemeral': a logout that cannot be stored is no logout, %s answers 503",
      async (path) => {
        const site = await startSite(setup, pages, { on, onUnavailable: 'ephemeral' })
        const cookie = await loggedIn(site)
        site.faults[0]!.fault = { kind: 'throw' }
        expect(await site.get(path, { cookie })).toMatchObject(unavailable)
        site.faults[0]!.fault = undefined
        expect((await site.get('/show', { cookie })).page<{ data: Data }>().data).toEqual({ userId: 'ada' })
      },
    )
  })

  test('with the real clock a store that hangs is answered for, too', async () => {
    const site = await startSite(oneKoa, pages, { on, realTime: true })
    const cookie = await loggedIn(site)
    site.faults[0]!.fault = { kind: 'hang' }
    expect(await site.get('/show', { cookie })).toMatchObject(unavailable)
    expect(await site.get('/set')).toMatchObject(unavailable)
    await settle()
  })
})
