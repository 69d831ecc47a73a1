import { createServer, type RequestListener, type Server } from 'node:http'
import { faulty, type FaultyStore } from '@holdfast/conformance'
import { type SessionStore, StoreUnavailableError } from '@holdfast/core'
import { createSessions as forExpress, type SessionRequest } from '@holdfast/express'
import { createSessions as forKoa, type SessionContext } from '@holdfast/koa'
import { memoryStore } from '@holdfast/memory'
import express, { type Express, type Response } from 'express'
import express4 from 'express4'
import Koa from 'koa'
import Koa2 from 'koa2'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { exchange, listen, type Answer } from './exchange.js'
import { Gate, settle, until } from './fake-target.js'

interface Login {
  user?: string
  cart?: string[]
}
const options = (store: SessionStore) => ({ secret: 'a secret of thirty-two characters', store })

/** The same small shop on both frameworks. */
function expressShop(create: () => Express) {
  return (store: SessionStore, onCommitError?: (res: Response) => void): RequestListener => {
    const sessions = forExpress<Login>({
      ...options(store),
      onCommitError: onCommitError && ((_, __, res) => onCommitError(res as Response)),
    })
    const app = create().set('env', 'test').use(sessions)
    const at = (path: string, handle: (req: SessionRequest<Login>, res: Response) => unknown) =>
      app.get(path, sessions.handler(handle))
    at('/login', (req, res) => {
      req.session.rotate()
      req.session.user = 'ada'
      res.redirect('/')
    })
    at('/', (req, res) => res.json(req.session))
    at('/stream', (req, res) => {
      req.session.cart = ['apple']
      res.write('one ')
      res.write('two ')
      setImmediate(() => res.end('three'))
    })
    at('/401', (req, res) => {
      req.session.cart = ['apple']
      res.status(401).send('who are you')
    })
    at('/500', (req) => {
      req.session.cart = ['apple']
      throw new Error('boom')
    })
    at('/logout', async (req, res) => {
      await req.session.destroy()
      res.redirect('/')
    })
    return app
  }
}

function koaShop(App: typeof Koa) {
  return (store: SessionStore, onCommitError?: (res: Response) => void): RequestListener => {
    const sessions = forKoa<Login>({
      ...options(store),
      onCommitError: onCommitError && ((_, __, res) => onCommitError(res as Response)),
    })
    const app = new App<Koa.DefaultState, SessionContext<Login>>()
    app.silent = true
    app.use(sessions)
    app.use(async (ctx) => {
      if (ctx.path === '/login') {
        ctx.session.rotate()
        ctx.session.user = 'ada'
        ctx.redirect('/')
      } else if (ctx.path === '/stream') {
        ctx.session.cart = ['apple']
        ctx.status = 200
        ctx.respond = false
        ctx.res.write('one ')
        ctx.res.write('two ')
        setImmediate(() => ctx.res.end('three'))
      } else if (ctx.path === '/401') {
        ctx.session.cart = ['apple']
        ctx.throw(401, 'who are you')
      } else if (ctx.path === '/500') {
        ctx.session.cart = ['apple']
        throw new Error('boom')
      } else if (ctx.path === '/logout') {
        await ctx.session.destroy()
        ctx.redirect('/')
      } else {
        ctx.body = { ...ctx.session }
      }
    })
    return app.callback() as RequestListener
  }
}

const frameworks = [
  { name: 'Express 4', shop: expressShop(express4) },
  { name: 'Express 5', shop: expressShop(express) },
  { name: 'Koa 2', shop: koaShop(Koa2) },
  { name: 'Koa 3', shop: koaShop(Koa) },
]

describe.each(frameworks)('$name', ({ shop }) => {
  let store: FaultyStore
  let server: Server
  let cookie: string

  beforeEach(async () => {
    store = faulty(memoryStore())
    cookie = ''
    server = await listen(createServer(shop(store)))
  })
  afterEach(() => void server.close())

  const visit = async (path: string): Promise<Answer> => {
    const answer = await exchange(server, path, { headers: { cookie } })
    const set = answer.headers['set-cookie']?.[0]
    if (set !== undefined) cookie = set.split(';')[0]!
    return answer
  }

  test('a login that redirects is stored before the redirect leaves, however slow the store is', async () => {
    const gate = new Gate()
    store.fault = { kind: 'delay', until: gate.passed, on: 'write' }
    let answered = false
    const answering = visit('/login').finally(() => (answered = true))
    await until(() => store.calls.write === 1)
    await settle()
    expect(answered).toBe(false)
    gate.open()
    expect(await answering).toMatchObject({ status: 302, headers: { 'set-cookie': [expect.stringMatching(/^sid=/)] } })
    expect(JSON.parse((await visit('/')).body)).toEqual({ user: 'ada' })
  })

  test('a streamed answer is stored before its first byte', async () => {
    const gate = new Gate()
    store.fault = { kind: 'delay', until: gate.passed, on: 'write' }
    let answered = false
    const answering = visit('/stream').finally(() => (answered = true))
    await until(() => store.calls.write === 1)
    await settle()
    expect(answered).toBe(false)
    gate.open()
    expect(await answering).toMatchObject({ status: 200, body: 'one two three' })
    expect(JSON.parse((await visit('/')).body)).toEqual({ cart: ['apple'] })
  })

  test('a new session and a 401: stored, and the cookie is on the answer', async () => {
    const answer = await visit('/401')
    expect(answer).toMatchObject({ status: 401, body: 'who are you' })
    expect(answer.headers['set-cookie']).toHaveLength(1)
    expect(answer.headers['cache-control']).toBe('private')
    expect(JSON.parse((await visit('/')).body)).toEqual({ cart: ['apple'] })
  })

  test('an error of the handler drops what it changed', async () => {
    await visit('/login')
    expect(await visit('/500')).toMatchObject({ status: 500 })
    expect(JSON.parse((await visit('/')).body)).toEqual({ user: 'ada' })
  })

  test('a session that cannot be stored is a 503, and nobody is told that they are logged in', async () => {
    store.fault = { kind: 'throw', on: 'write' }
    for (const path of ['/login', '/stream', '/401']) {
      const answer = await visit(path)
      expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
      for (const name of ['set-cookie', 'location']) expect(answer.headers).not.toHaveProperty(name)
      expect(answer.body).not.toMatch(/one|who/)
    }
  })

  test('a session that cannot be read is a 503 for its owner, and nothing for everybody else', async () => {
    await visit('/login')
    store.fault = { kind: 'throw', on: 'read', error: new StoreUnavailableError('down') }
    expect(await visit('/')).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    cookie = ''
    expect(await visit('/')).toMatchObject({ status: 200, body: '{}' })
  })

  test('who logs out loses the cookie, and the session is gone', async () => {
    await visit('/login')
    const stolen = cookie
    const answer = await visit('/logout')
    expect(answer).toMatchObject({
      status: 302,
      headers: { 'set-cookie': [expect.stringMatching(/^sid=;.*Max-Age=0/)] },
    })
    cookie = stolen
    expect(await visit('/')).toMatchObject({ body: '{}' })
  })

  test('who only reads, and who has no session, writes nothing and waits for nothing', async () => {
    await visit('/login')
    store.calls.read = store.calls.write = 0
    store.fault = { kind: 'hang', on: 'write' }
    expect(await visit('/')).toMatchObject({ status: 200, body: '{"user":"ada"}' })
    expect(store.calls).toEqual({ read: 1, write: 0, touch: 0 })
    cookie = ''
    expect(await visit('/')).toMatchObject({ status: 200, body: '{}' })
    expect(store.calls).toEqual({ read: 1, write: 0, touch: 0 })
  })

  test('onCommitError renders the answer once the handler had begun one', async () => {
    store.fault = { kind: 'throw', on: 'write' }
    const rendering = await listen(createServer(shop(store, (res) => void res.end('<p>Please try again'))))
    const answer = await exchange(rendering, '/stream')
    rendering.close()
    expect(answer).toMatchObject({ status: 503, body: '<p>Please try again' })
  })
})
