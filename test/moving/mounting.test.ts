import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { faulty } from '@holdfast/conformance'
import { createSessions as expressSessions } from '@holdfast/express'
import { createSessions as koaSessions } from '@holdfast/koa'
import { memoryStore } from '@holdfast/memory'
import express, { type ErrorRequestHandler } from 'express'
import Koa from 'koa'
import { expect, onTestFinished, test } from 'vitest'
import type { Data } from '../guarantees/app-server.js'
import { oneExpress, SECRET, startSite } from '../guarantees/site.js'
import { exchange } from '../hold/exchange.js'
import { thrown, warnings } from './told.js'

async function serve(listener: RequestListener) {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (path = '/', headers: Record<string, string> = {}) => exchange(server, path, { headers })
}

const tell: ErrorRequestHandler = (error: { status?: number; message: string }, _req, res, next) => {
  void next
  res.status(error.status ?? 500).send(error.message)
}

test('touch() and resetMaxAge() do nothing and say so once', async () => {
  const site = await startSite(oneExpress, {
    touch: ({ session }) => {
      const old = session as unknown as { touch(): void; resetMaxAge(): void }
      old.touch()
      old.resetMaxAge()
      old.touch()
    },
  })
  const codes = await warnings(() => site.get('/touch'))
  expect(codes.filter((code) => code === 'HOLDFAST_TOUCH')).toHaveLength(1)
})

test('the same engine mounted twice holds and reads once', async () => {
  const store = faulty(memoryStore())
  const koa = koaSessions<Data>({ secret: SECRET, store })
  const app = new Koa().use(koa).use(koa)
  app.use((ctx) => {
    ctx.session = { n: ((ctx.session.n as number | undefined) ?? 0) + 1 }
    ctx.body = 'ok'
  })
  const onKoa = await serve(app.callback())

  const sessions = expressSessions<Data>({ secret: SECRET, store })
  const onExpress = await serve(
    express()
      .use(sessions, sessions)
      .get(
        '/',
        sessions.handler((req, res) => res.send(`${(req.session.n = 1)}`)),
      ) as RequestListener,
  )
  for (const get of [onKoa, onExpress]) {
    const { headers } = await get()
    expect(headers['set-cookie']).toHaveLength(1)
    store.calls.read = 0
    await get('/', { cookie: headers['set-cookie']![0]!.split(';')[0]! })
    expect(store.calls.read).toBe(1)
  }
})

test('another session middleware above is an error at the first request, not a silent overwrite', async () => {
  const koa = new Koa()
  koa.silent = true
  koa.use(async (ctx, next) => {
    ctx.session = { foreign: true }
    await next()
  })
  koa.use(koaSessions<Data>({ secret: SECRET }))
  koa.on('error', () => {})
  expect((await (await serve(koa.callback()))()).status).toBe(500)

  const app = express()
  app.use((req, _res, next) => {
    Object.assign(req, { session: { foreign: true } })
    next()
  })
  app.use(expressSessions<Data>({ secret: SECRET }), tell)
  const answer = await (await serve(app as RequestListener))()
  expect([answer.status, answer.body.toString()]).toEqual([500, expect.stringContaining('session middleware')])
})

test('a session that is asked for before the middleware says how to mount it', async () => {
  const sessions = expressSessions<Data>({ secret: SECRET })
  const app = express()
  app.get('/', (req, res) => res.json([thrown(() => sessions.of(req)), Reflect.has(req, 'session')]))
  app.use(sessions)
  const answer = await (await serve(app as RequestListener))()
  expect(JSON.parse(answer.body.toString())).toEqual([expect.stringContaining('app.use(sessions)'), false])
})

test('on Express, delete req.session and = undefined do nothing, and say so', async () => {
  const sessions = expressSessions<Data>({ secret: SECRET })
  const app = express().use(sessions)
  app.get('/', (req, res) => {
    sessions.of(req).userId = 'ada'
    const request = req as { session?: unknown }
    request.session = undefined
    Reflect.deleteProperty(request, 'session')
    res.json(request.session)
  })
  const get = await serve(app as RequestListener)
  const codes = await warnings(async () => expect(JSON.parse((await get()).body.toString())).toEqual({ userId: 'ada' }))
  expect(codes.some((code) => code.startsWith('HOLDFAST_'))).toBe(true)
})

test('a new session is stored and its cookie sent with a thrown 401, and dropped with a thrown 500', async () => {
  const koa = new Koa()
  koa.silent = true
  const sessions = koaSessions<Data>({ secret: SECRET })
  koa.use(sessions).use((ctx) => {
    if (ctx.path === '/show') return void (ctx.body = { ...ctx.session })
    ctx.session.tries = 1
    ctx.throw(ctx.path === '/401' ? 401 : 500)
  })
  const onKoa = await serve(koa.callback())

  const own = expressSessions<Data>({ secret: SECRET })
  const app = express().use(own)
  app.set('env', 'test')
  app.get('/show', (req, res) => res.json(own.of(req)))
  app.use((req) => {
    own.of(req).tries = 1
    throw Object.assign(new Error('no'), { status: req.path === '/401' ? 401 : 500 })
  })
  const onExpress = await serve(app as RequestListener)

  for (const get of [onKoa, onExpress]) {
    const denied = await get('/401')
    expect(denied.status).toBe(401)
    const [cookie] = denied.headers['set-cookie'] as string[]
    const shown = await get('/show', { cookie: cookie!.split(';')[0]! })
    expect(JSON.parse(shown.body.toString())).toEqual({ tries: 1 })
    const failed = await get('/500')
    expect([failed.status, failed.headers['set-cookie']]).toEqual([500, undefined])
  }
})
