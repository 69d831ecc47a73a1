import { once } from 'node:events'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { SessionEvent } from '@holdfast/core'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { ANSWERED, type Data, type Pages } from '../guarantees/app-server.js'
import { loggedIn, oneExpress, oneKoa, SECRET, startSite, type Setup } from '../guarantees/site.js'
import { exchange } from '../hold/exchange.js'
import { until } from '../hold/fake-target.js'
import { createSessions } from '@holdfast/koa'
import { memoryStore } from '@holdfast/memory'
import Koa from 'koa'
import { createServer } from 'node:http'

/** The events of sessions that were changed too late. */
function lateChanges(): string[] {
  const types: string[] = []
  const note = (event: unknown) => {
    const { type } = event as SessionEvent
    if (type === 'late-change' || type === 'dead-session-changed') types.push(type)
  }
  subscribe('holdfast:session', note)
  onTestFinished(() => void unsubscribe('holdfast:session', note))
  return types
}

const nextTick = () => new Promise((resolve) => setImmediate(resolve))

const pages: Pages = {
  show: ({ session }) => ({ ...session }),
  stream: async ({ res, session, query }) => {
    session.before = 1
    res.write('a')
    await nextTick()
    session.after = 1
    if (query.has('save')) await session.save()
    res.end('b')
    return ANSWERED
  },
  nested: async ({ res, session }) => {
    res.write('a')
    ;(session.list as number[]).push(1)
    res.end('b')
    return ANSWERED
  },
  dead: async ({ session }) => {
    await session.destroy()
    try {
      session.userId = 'eve'
    } catch {
      // Outside production it throws here.
    }
  },
}

describe.each(['production', 'development'])('in %s', (environment) => {
  const before = process.env.NODE_ENV
  beforeEach(() => void (process.env.NODE_ENV = environment))
  afterEach(() => void (process.env.NODE_ENV = before))
  const start = (setup: Setup) => startSite(setup, pages, { cookie: { name: 'sid', secure: false } })

  test.each([
    ['Koa', oneKoa],
    ['Express', oneExpress],
  ])(
    '%s: what is changed while the response is under way is lost unless it is saved, and somebody is told',
    async (_, setup) => {
      const site = await start(setup)
      const cookie = await loggedIn(site, { list: [] })
      const events = lateChanges()
      await site.get('/stream?save', { cookie })
      expect((await site.get('/show', { cookie })).page()).toEqual({ list: [], before: 1, after: 1 })
      expect(events).toEqual([])

      const other = await loggedIn(site, { list: [] })
      await site.get('/stream', { cookie: other })
      await until(() => events.length > 0)
      expect((await site.get('/show', { cookie: other })).page()).toEqual({ list: [], before: 1 })
      await site.get('/nested', { cookie: other })
      await until(() => events.length > 1)
      expect(events).toEqual(['late-change', 'late-change'])
    },
  )

  test('a change to a destroyed session throws or is told', async () => {
    const site = await start(oneExpress)
    const events = lateChanges()
    await site.get('/dead', { cookie: await loggedIn(site) })
    if (environment === 'production') await until(() => events.length > 0)
    expect(events).toEqual(environment === 'production' ? ['dead-session-changed'] : [])
  })

  test('on Koa, what a middleware above the sessions changes is told', async () => {
    const sessions = createSessions<Data>({
      secret: SECRET,
      store: memoryStore(),
      cookie: { name: 'sid', secure: false },
    })
    const app = new Koa()
    app.use(async (ctx, next) => {
      await next()
      sessions.of(ctx).late = true
    })
    app.use(sessions).use((ctx) => {
      ctx.body = { ...ctx.session }
    })
    const events = lateChanges()
    const { cookie } = await sessions.create({ userId: 'ada' })
    const server = createServer(app.callback()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    await exchange(server, '/', { headers: { cookie } })
    await until(() => events.length > 0)
    expect(events).toEqual(['late-change'])
  })
})
