// The store as an app calls it by hand, and what must be an error and not silence.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { SessionEvent } from '@holdfast/core'
import { createSessions, koaSessionStore } from '@holdfast/koa'
import { describe, expect, onTestFinished, test } from 'vitest'
import { warnings } from '../moving/told.js'
import { HOUR, oneServer, SECRET, shop, type Pages } from './site.js'

function eventsOf(): string[] {
  const types: string[] = []
  const listen = (event: unknown): void => void types.push((event as SessionEvent).type)
  subscribe('holdfast:session', listen)
  onTestFinished(() => void unsubscribe('holdfast:session', listen))
  return types
}

describe('a key that the app gives again after its session has ended', () => {
  const genid = (ctx: { get(name: string): string }): string => `device-${ctx.get('x-device')}`

  test('is refused with a sentence, a warning and an event', async () => {
    const events = eventsOf()
    const { browser, errors } = await oneServer(shop, { genid })
    browser.headers = { 'x-device': '1' }
    expect((await browser.get('/login')).status).toBe(200)
    await browser.get('/logout')
    expect(await warnings(async () => expect((await browser.get('/login')).status).toBe(409))).toEqual([
      'HOLDFAST_ID_REUSED',
    ])
    expect(events.filter((type) => type === 'id-reused')).toHaveLength(1)
    expect(errors).toEqual([expect.objectContaining({ message: expect.stringContaining('genid') })])
    browser.headers = { 'x-device': '2' }
    expect((await browser.get('/login')).status).toBe(200)
  })

  test('by regenerate() too', async () => {
    const { browser, errors } = await oneServer({ ...shop, again: ({ session }) => session.regenerate() }, { genid })
    await browser.get('/login')
    expect((await browser.get('/again')).status).toBe(409)
    expect(errors).toHaveLength(1)
  })
})

describe('by hand', () => {
  test('set, get and destroy without a request', async () => {
    const { store, browser } = await oneServer(shop)
    expect(await store.get('job-1')).toBeUndefined()
    await store.set('job-1', { user: 'ada', cart: ['kelp'] }, HOUR)
    expect(await store.get('job-1')).toEqual({ user: 'ada', cart: ['kelp'] })
    await store.set('job-1', { user: 'bob' }, HOUR)
    expect(await store.get('job-1')).toEqual({ user: 'bob' })
    await store.destroy('job-1')
    expect(await store.get('job-1')).toBeUndefined()
    await expect(store.set('job-1', { user: 'bob' }, HOUR)).rejects.toThrow('genid')
    await store.destroy('never-there')

    await browser.get('/login')
    const key = browser.cookies.get('koa.sess')!
    await store.set(key, { user: 'eve' }, HOUR)
    expect(await browser.show()).toEqual({ user: 'eve' })
    await store.destroy(key)
    expect(await browser.show()).toEqual({})
  })

  test('set without a time, or for the session: the idle time of createSessions', async () => {
    const { store, elapse } = await oneServer(shop, { sessions: { idle: '10m' } })
    await store.set('a', { n: 1 })
    await store.set('b', { n: 1, _session: true }, 'session')
    elapse(9 * 60_000)
    expect([await store.get('a'), await store.get('b')]).toEqual([{ n: 1 }, { n: 1, _session: true }])
    elapse(2 * 60_000)
    expect(await store.get('a')).toBeUndefined()
    elapse(9 * 60_000)
    expect(await store.get('b')).toBeUndefined()
  })

  test('what get gives is the caller’s own', async () => {
    const { store } = await oneServer(shop)
    await store.set('a', { list: [1] }, HOUR)
    const one = (await store.get('a')) as { list: number[] }
    one.list.push(2)
    expect(await store.get('a')).toEqual({ list: [1] })
  })

  test('in the request, a look at its own session loses nothing that others stored meanwhile', async () => {
    const looking: Pages = {
      look: async (ctx) => {
        await theirs.store.set(ctx.session.externalKey, { user: 'ada', theirs: 1 }, HOUR)
        await theirs.store.get(ctx.session.externalKey, HOUR, { ctx })
        ctx.session['mine'] = 1
      },
    }
    const theirs = await oneServer({ ...shop, ...looking })
    await theirs.browser.get('/login')
    await theirs.browser.get('/look')
    expect(await theirs.browser.show()).toEqual({ user: 'ada', theirs: 1, mine: 1 })
  })
})

test('a listed id is refused: a client could send one', async () => {
  const { store } = await oneServer(shop)
  const listed = `listed:${'x'.repeat(43)}`
  expect(await store.get(listed)).toBeUndefined()
  await expect(store.set(listed, {}, HOUR)).rejects.toThrow(/listed:/)
  await expect(store.destroy(listed)).rejects.toThrow(/listed:/)
})

describe('what cannot be stored is an error, and the stored session is as it was', () => {
  const large = 'x'.repeat(70_000)
  const cycle: Record<string, unknown> = {}
  cycle['loop'] = { cycle }

  test('in a request: 500', async () => {
    const wrong: Pages = {
      ...shop,
      bigint: ({ session }) => void (session['price'] = { cents: 1n }),
      cycle: ({ session }) => void (session['loop'] = cycle),
      large: ({ session }) => void (session['notes'] = large),
    }
    const { browser } = await oneServer(wrong)
    await browser.get('/login')
    for (const path of ['/bigint', '/cycle', '/large']) {
      expect((await browser.get(path)).status).toBe(500)
      expect(await browser.show()).toEqual({ user: 'ada' })
    }
  })

  // In a request koa-session's own JSON.stringify comes first, which names no field.
  test('by hand: it says which field, or how large', async () => {
    const { store } = await oneServer(shop)
    await store.set('a', { user: 'ada' }, HOUR)
    await expect(store.set('a', { user: 'ada', price: { cents: 1n } }, HOUR)).rejects.toThrow('"price"')
    await expect(store.set('a', { user: 'ada', loop: cycle }, HOUR)).rejects.toThrow('"loop"')
    await expect(store.set('a', { user: 'ada', notes: large }, HOUR)).rejects.toThrow('the limit is 65536')
    await expect(store.set('b', { notes: large }, HOUR)).rejects.toThrow('the limit is 65536')
    expect([await store.get('a'), await store.get('b')]).toEqual([{ user: 'ada' }, undefined])
  })
})

test('a wrong argument is an error that names it', () => {
  expect(() => koaSessionStore({} as never)).toThrow(/createSessions/)
  const sessions = createSessions({ secret: SECRET, store: 'memory:' })
  expect(() => koaSessionStore(sessions, { adopt: {} as never })).toThrow('adopt is {}')
  expect(() => koaSessionStore(sessions, { adpot: {} } as never)).toThrow('adpot')
})
