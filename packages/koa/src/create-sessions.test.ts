import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SessionStore } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import Koa from 'koa'
import { afterEach, describe, expect, test } from 'vitest'
import { createSessions, type SessionContext } from './index.js'

interface Visit {
  user?: string
  visits?: number
}
const secret = 'a secret of thirty-two characters'
const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

type App = Koa<Koa.DefaultState, SessionContext<Visit>>
const newApp = (): App => Object.assign(new Koa<Koa.DefaultState, SessionContext<Visit>>(), { silent: true })

/** A browser: sends the cookie that it was given last. */
async function browse(app: App) {
  const server = app.listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  let cookie = ''
  return async (path = '/') => {
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, {
      headers: { cookie },
      redirect: 'manual',
    })
    const set = answer.headers.getSetCookie()[0]
    if (set !== undefined) cookie = set.split(';')[0]!
    return { status: answer.status, body: await answer.text(), set }
  }
}

/** Counts the visits of a session, then does what the path says. */
function countingApp(store: SessionStore = memoryStore()) {
  const sessions = createSessions<Visit>({ secret, store })
  const app = newApp()
  const errors: unknown[] = []
  app.on('error', (error) => errors.push(error))
  app.use(sessions)
  app.use((ctx, next) => {
    if (ctx.path !== '/look') ctx.session.visits = (ctx.session.visits ?? 0) + 1
    ctx.body = String(ctx.session.visits)
    return next()
  })
  return { app, sessions, store, errors }
}

describe('ctx.session', () => {
  test('holds from request to request, and is what sessions.of gives', async () => {
    const { app, sessions } = countingApp()
    app.use((ctx) => expect(sessions.of(ctx)).toBe(ctx.session))
    const visit = await browse(app)
    expect(await visit()).toMatchObject({ status: 200, body: '1', set: expect.stringMatching(/^sid=/) })
    expect(await visit()).toMatchObject({ body: '2', set: undefined })
  })

  test('= null is a logout, and what is read afterwards is a new, empty session', async () => {
    const { app } = countingApp()
    app.use((ctx) => {
      if (ctx.path !== '/logout') return
      ctx.session = null
      ctx.body = JSON.stringify([ctx.session, ctx.session.isNew])
    })
    const visit = await browse(app)
    await visit()
    expect(await visit('/logout')).toMatchObject({ body: '[{},true]', set: expect.stringMatching(/^sid=;.*Max-Age=0/) })
    expect(await visit()).toMatchObject({ body: '1' })
  })

  test('= data replaces the data; anything else throws', async () => {
    const { app } = countingApp()
    app.use((ctx) => {
      if (ctx.path === '/replace') ctx.session = { user: 'ada' }
      if (ctx.path === '/wrong') Reflect.set(ctx, 'session', undefined, ctx)
      ctx.body = JSON.stringify(ctx.session)
    })
    const visit = await browse(app)
    await visit()
    expect(await visit('/replace')).toMatchObject({ body: '{"user":"ada"}' })
    expect(await visit('/wrong')).toMatchObject({ status: 500 })
    expect(await visit()).toMatchObject({ body: '{"user":"ada","visits":1}' })
  })

  test('of another session middleware above is an error that names it', async () => {
    const app = newApp()
    const errors: unknown[] = []
    app.on('error', (error) => errors.push(error))
    Object.defineProperty(app.context, 'session', { get: () => ({}) })
    app.use(createSessions<Visit>({ secret, store: 'memory:' }))
    expect(await (await browse(app))()).toMatchObject({ status: 500 })
    expect(errors).toEqual([
      expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining('ctx.session') }),
    ])
  })
})

describe('what a request changed', () => {
  test('is stored with an error below 500, whose answer has the cookie', async () => {
    const { app } = countingApp()
    app.use((ctx) => {
      if (ctx.path === '/401') ctx.throw(401, 'who are you')
    })
    const visit = await browse(app)
    expect(await visit('/401')).toMatchObject({
      status: 401,
      body: 'who are you',
      set: expect.stringMatching(/^sid=/),
    })
    expect(await visit()).toMatchObject({ body: '2' })
  })

  test.each([
    ['a thrown error', () => Promise.reject(new Error('boom'))],
    ['an error with a status that is none', () => Promise.reject(Object.assign(new Error('boom'), { status: 42 }))],
    ['what is thrown and no error', () => Promise.reject('text' as unknown as Error)],
    ['a status of 500', (ctx: Koa.Context) => (ctx.status = 500)],
  ])('is dropped with %s', async (_, fail) => {
    const { app } = countingApp()
    app.use(async (ctx) => {
      if (ctx.path === '/500') await fail(ctx as unknown as Koa.Context)
    })
    const visit = await browse(app)
    await visit()
    expect(await visit('/500')).toMatchObject({ status: 500, set: undefined })
    expect(await visit('/look')).toMatchObject({ body: '1' })
  })

  test('counts as the error said, also when a middleware above makes a page of it', async () => {
    const sessions = createSessions<Visit>({ secret, store: 'memory:' })
    const app = newApp()
    app.use(async (ctx, next) => {
      await next().catch(() => (ctx.body = 'Sorry!'))
    })
    app.use(sessions)
    app.use((ctx) => {
      ctx.body = String(ctx.session.visits)
      if (ctx.path === '/look') return
      ctx.session.visits = 1
      throw new Error('boom')
    })
    const visit = await browse(app)
    expect(await visit()).toMatchObject({ status: 200, body: 'Sorry!', set: undefined })
    expect(await visit('/look')).toMatchObject({ body: 'undefined' })
  })

  test('goes with the status that Koa makes of a file that is not there', async () => {
    const { app } = countingApp()
    app.use((ctx) => {
      if (ctx.path === '/file') throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
    })
    const visit = await browse(app)
    const { status, set } = await visit('/file')
    expect([status, set !== undefined]).toEqual(status === 404 ? [404, true] : [500, false])
  })

  test('is stored before the first byte of an app that answers on its own, later', async () => {
    const { app } = countingApp()
    app.use((ctx) => {
      ctx.body = JSON.stringify(ctx.session)
      if (ctx.path !== '/raw') return
      ctx.respond = false
      setImmediate(() => {
        ctx.session.user = 'ada'
        ctx.res.writeHead(200, { 'Content-Length': 3 })
        ctx.res.end('raw')
      })
    })
    const visit = await browse(app)
    expect(await visit('/raw')).toMatchObject({ status: 200, body: 'raw', set: expect.stringMatching(/^sid=/) })
    expect(await visit('/look')).toMatchObject({ body: '{"visits":1,"user":"ada"}' })
  })
})

test('the same sessions mounted twice work once: what is changed between the two is stored', async () => {
  const sessions = createSessions<Visit>({ secret, store: 'memory:' })
  const app = newApp()
  app.use(sessions)
  app.use(async (ctx, next) => {
    await next()
    ctx.session.visits = (ctx.session.visits ?? 0) + 1
    ctx.body = String(ctx.session.visits)
  })
  app.use(sessions)
  app.use((ctx) => void (ctx.body = 'x'))
  const visit = await browse(app)
  expect([(await visit()).body, (await visit()).body]).toEqual(['1', '2'])
})

test('a skipped request has no session', async () => {
  const sessions = createSessions<Visit>({ secret, store: 'memory:', skip: (req) => req.url === '/health' })
  const app = newApp()
  app.use(sessions)
  app.use((ctx) => {
    expect(() => sessions.of(ctx)).toThrow(expect.objectContaining({ code: 'SESSION_NOT_MOUNTED' }))
    ctx.body = String('session' in ctx)
  })
  expect(await (await browse(app))('/health')).toMatchObject({ status: 200, body: 'false' })
})

test('sessions carry the methods of the engine', async () => {
  const sessions = createSessions<Visit>({ secret, store: 'memory:' })
  const { create, read, ready, close } = sessions
  await ready()
  const { cookie } = await create({ user: 'ada' })
  const request = { req: { headers: { cookie } } } as unknown as Koa.Context
  expect(await read(request)).toEqual({ user: 'ada' })
  await close()
})
