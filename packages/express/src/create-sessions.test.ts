import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isHoldfastError, StoreUnavailableError } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import express, { type NextFunction, type Request, type Response } from 'express'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createSessions, type SessionRequest } from './index.js'

interface Visit {
  user?: string
  visits?: number
}
/** What a JavaScript app may do, also beside the types of express-session. */
const plain = (req: object) => req as { session: Visit | null }

const secret = 'a secret of thirty-two characters'
const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
  vi.restoreAllMocks()
})

const newApp = () => express().set('env', 'test')
const newSessions = (options = {}) => createSessions<Visit>({ secret, store: 'memory:', ...options })

/** A browser: sends the cookie that it was given last. */
async function browse(app: RequestListener) {
  const server = createServer(app).listen(0, '127.0.0.1')
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
    return { status: answer.status, body: await answer.text(), set, headers: answer.headers }
  }
}

const answerWithError = (error: Error, _: Request, res: Response, next: NextFunction) => {
  if (res.headersSent) next(error)
  else res.status(isHoldfastError(error) ? error.status : 500).send(`${error.name}: ${error.message}`)
}

/** An app whose handlers see `req.session` as plain JavaScript does, and count their visits at `/`. */
function countingApp(handle: (req: SessionRequest<Visit>, res: Response) => void = () => {}, options = {}) {
  const sessions = newSessions(options)
  const app = newApp().use(sessions)
  app.get(
    '/',
    sessions.handler(({ session }, res) => {
      session.visits = (session.visits ?? 0) + 1
      res.send(JSON.stringify(session))
    }),
  )
  app.use(sessions.handler(handle))
  return { app: app.use(answerWithError), sessions }
}

describe('req.session', () => {
  test('holds from request to request, and is what sessions.of gives', async () => {
    const { app, sessions } = countingApp((req, res) => res.send(String(sessions.of(req) === req.session)))
    const visit = await browse(app)
    expect(await visit()).toMatchObject({ status: 200, body: '{"visits":1}', set: expect.stringMatching(/^sid=/) })
    expect(await visit()).toMatchObject({ body: '{"visits":2}', set: undefined })
    expect(await visit('/same')).toMatchObject({ body: 'true' })
  })

  test('= null is a logout, and what is read afterwards is a new, empty session', async () => {
    const { app } = countingApp((req, res) => {
      plain(req).session = null
      res.send(JSON.stringify([req.session, req.session.isNew]))
    })
    const visit = await browse(app)
    await visit()
    expect(await visit('/logout')).toMatchObject({ body: '[{},true]', set: expect.stringMatching(/^sid=;.*Max-Age=0/) })
    expect(await visit()).toMatchObject({ body: '{"visits":1}' })
  })

  test('= data replaces the data; what is no data throws', async () => {
    const { app } = countingApp((req, res) => {
      plain(req).session = { user: 'ada' }
      expect(() => Reflect.set(req, 'session', 5)).toThrow(TypeError)
      res.end()
    })
    const visit = await browse(app)
    await visit()
    await visit('/replace')
    expect(await visit()).toMatchObject({ body: '{"user":"ada","visits":1}' })
  })

  const waysToLose = [
    ['= undefined', 'req.session = undefined', (req: object) => Reflect.set(req, 'session', undefined)],
    ['delete', 'delete req.session', (req: object) => Reflect.deleteProperty(req, 'session')],
    [
      'delete, then an assignment',
      'delete req.session',
      (req: object) => {
        Reflect.deleteProperty(req, 'session')
        Reflect.set(req, 'session', { visits: 1 })
      },
    ],
  ] as const

  test.each(waysToLose)('%s does nothing, and says so outside production', async (_, named, lose) => {
    for (const production of [false, true]) {
      vi.resetModules()
      vi.stubEnv('NODE_ENV', production ? 'production' : 'test')
      const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
      const fresh = await import('./index.js')
      const sessions = fresh.createSessions<Visit>({ secret, store: 'memory:', cookie: { secure: false } })
      const app = newApp().use(sessions)
      app.use((req, res) => {
        if (req.path === '/') sessions.of(req).visits = 1
        else lose(req)
        res.send(JSON.stringify((req as SessionRequest<Visit>).session))
      })
      const visit = await browse(app)
      await visit()
      expect(await visit('/lose')).toMatchObject({ body: '{"visits":1}', set: undefined })
      expect(await visit('/lose')).toMatchObject({ body: '{"visits":1}', set: undefined })
      vi.unstubAllEnvs()
      expect(warn.mock.calls.map(([message]) => message)).toEqual(
        production ? [] : [expect.stringContaining(`${named} does nothing`)],
      )
      warn.mockRestore()
    }
  })

  test('of another session middleware above is an error that names it', async () => {
    const app = newApp()
    app.use((req, _, next) => {
      Object.assign(req, { session: {} })
      next()
    })
    app.use(newSessions(), answerWithError)
    const visit = await browse(app)
    expect(await visit()).toMatchObject({ status: 500, body: expect.stringMatching(/^ConfigError: req\.session is/) })
    expect(await visit()).toMatchObject({ status: 500 })
  })

  test('reaches mounted apps and routers', async () => {
    const sessions = newSessions()
    const inner = express().get(
      '/inner',
      (req, res) => void res.send(String((req as SessionRequest<Visit>).session.isNew)),
    )
    const visit = await browse(newApp().use(sessions).use(inner))
    expect(await visit('/inner')).toMatchObject({ body: 'true' })
  })

  test('is undefined where the middleware did not run, and sessions.of and handlers say what to do', async () => {
    const sessions = newSessions()
    const app = newApp()
    app.get('/above', (req, res) => {
      expect(() => sessions.of(req)).toThrow(expect.objectContaining({ code: 'SESSION_NOT_MOUNTED' }))
      res.send(typeof plain(req).session)
    })
    app.get(
      '/handler',
      sessions.handler((_, res) => res.end()),
    )
    app.use(sessions)
    const visit = await browse(app.use(answerWithError))
    await visit('/below')
    expect(await visit('/above')).toMatchObject({ body: 'undefined' })
    expect(await visit('/handler')).toMatchObject({ status: 500, body: expect.stringContaining('app.use(sessions)') })
  })

  test('is free for others on skipped requests', async () => {
    const app = newApp().use(newSessions({ skip: ({ url = '' }: IncomingMessage) => url.startsWith('/other') }))
    app.use((req, res) => {
      const before = (req as Partial<SessionRequest<Visit>>).session
      if (req.path === '/other') Object.assign(req, { session: 'theirs' })
      res.send(`${typeof before} ${typeof (req as SessionRequest<Visit>).session}`)
    })
    const visit = await browse(app)
    expect(await visit()).toMatchObject({ body: 'object object' })
    expect(await visit('/other')).toMatchObject({ body: 'undefined string' })
  })

  test('works on requests of plain node:http, without a trace on all requests of the process', async () => {
    const sessions = newSessions()
    const visit = await browse((req, res) => {
      sessions(req as Request, res as Response, () => res.end(String((req as SessionRequest<Visit>).session.isNew)))
    })
    expect(await visit()).toMatchObject({ body: 'true' })
    const { IncomingMessage } = await import('node:http')
    expect('session' in IncomingMessage.prototype).toBe(false)
  })
})

test('the same sessions mounted twice work once', async () => {
  const sessions = newSessions()
  const app = newApp()
    .use(sessions, sessions)
    .use((req, res) => {
      const session = sessions.of(req)
      session.visits = (session.visits ?? 0) + 1
      res.send(String(session.visits))
    })
  const visit = await browse(app)
  expect(await visit()).toMatchObject({ body: '1' })
  expect(await visit()).toMatchObject({ body: '2' })
})

test('two engines on one app: the first has req.session, each has its cookie and its data', async () => {
  const users = newSessions()
  const carts = newSessions({ cookie: { name: 'cart' } })
  const app = newApp()
    .use(users, carts)
    .use((req, res) => {
      users.of(req).user = 'ada'
      carts.of(req).visits = 1
      res.send(String((req as SessionRequest<Visit>).session === users.of(req)))
    })
  const visit = await browse(app)
  const { body, headers } = await visit()
  expect(body).toBe('true')
  expect(headers.getSetCookie().map((cookie) => cookie.split('=')[0])).toEqual(['sid', 'cart'])
})

test('a store that cannot be read goes to the error handling of the app, before the handler runs', async () => {
  const store = memoryStore()
  const { app } = countingApp(() => {}, { store })
  const visit = await browse(app)
  await visit()
  store.read = () => Promise.reject(new StoreUnavailableError('down'))
  expect(await visit()).toMatchObject({ status: 503, body: 'StoreUnavailableError: down' })
})

test('an upgrade request, which comes with {} for a response, gets its session', async () => {
  const sessions = newSessions()
  const { cookie } = await sessions.create({ user: 'ada' })
  const request = { headers: { cookie }, url: '/' } as IncomingMessage
  await new Promise<void>((resolve, reject) => {
    sessions(request as Request, {} as ServerResponse as Response, (error) =>
      error ? reject(error as Error) : resolve(),
    )
  })
  expect(sessions.of(request)).toEqual({ user: 'ada' })
})

test('sessions carry the methods of the engine', async () => {
  const { create, read, ready, close } = newSessions()
  await ready()
  const { cookie } = await create({ user: 'ada' })
  expect(await read({ headers: { cookie } } as IncomingMessage)).toEqual({ user: 'ada' })
  await close()
})
