import { createServer, type Server } from 'node:http'
import { connect, createServer as createHttp2, type Http2Server, type Http2ServerResponse } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import Koa from 'koa'
import Koa2 from 'koa2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StoreUnavailableError } from '../../packages/core/src/errors.js'
import { exchange, listen } from './exchange.js'
import { FakeTarget, Gate, settle, until } from './fake-target.js'

interface Answer {
  readonly status: number | undefined
  readonly cookies: string[] | undefined
  readonly body: string
  readonly broken: boolean
}

type Handler = (ctx: Koa.Context) => unknown

const handlers: Readonly<Record<string, Handler>> = {
  json: (ctx) => (ctx.body = { a: 'x'.repeat(2000) }),
  redirect: (ctx) => ctx.redirect('/next'),
  'no content': (ctx) => (ctx.status = 204),
  'not found': () => {},
  'a stream as the body': (ctx) => (ctx.body = Readable.from(['a', 'b', 'c'])),
  'a large stream as the body': (ctx) =>
    (ctx.body = Readable.from(Array.from({ length: 50 }, () => 'x'.repeat(10_000)))),
  'flushed headers, then a stream': (ctx) => {
    ctx.status = 200
    ctx.type = 'text/event-stream'
    ctx.flushHeaders()
    const events = new PassThrough()
    ctx.body = events
    void turn().then(() => events.end('data: 1\n\n'))
  },
  'respond = false': (ctx) => {
    ctx.respond = false
    ctx.res.statusCode = 200
    ctx.res.end('raw')
  },
  'respond = false, later': (ctx) => {
    ctx.respond = false
    void turn().then(() => {
      ctx.res.writeHead(200, { 'Content-Type': 'text/plain' })
      ctx.res.write('raw')
      ctx.res.end()
    })
  },
  'a write to the raw response': (ctx) => {
    ctx.status = 200
    ctx.res.write('x')
    ctx.body = 'y'
  },
  'a thrown 401': (ctx) => ctx.throw(401, 'who are you'),
}

/** What the session middleware of Koa does, without a session: commits after the handlers, if the head waits still. */
function koaApp(App: typeof Koa, handler: Handler, commit: (() => Promise<void>) | undefined) {
  const app = new App()
  app.silent = true
  if (commit) {
    app.use(async (ctx, next) => {
      const target = new FakeTarget(ctx.res, 'sid=1', commit)
      try {
        await next()
      } finally {
        if (ctx.respond !== false && !ctx.res.headersSent) await target.commit()
      }
    })
  }
  return app.use(handler).callback()
}

type Callback = ReturnType<Koa['callback']>

/** Over HTTP/2 a HEAD that Koa answers with an error never gets its answer, with or without sessions. */
const protocols = {
  'HTTP/1.1': {
    methods: ['GET', 'HEAD'],
    send: (app: Callback, method: string) => over(createServer(app), method, request1),
  },
  'HTTP/2': {
    methods: ['GET'],
    send: (app: Callback, method: string) => over(createHttp2(app), method, request2),
  },
}

async function over<S extends Server | Http2Server>(
  server: S,
  method: string,
  request: typeof request1,
): Promise<Answer> {
  await listen(server)
  const answer = await request(server, method)
  await new Promise((resolve) => server.close(resolve))
  return answer
}

async function request1(server: Server | Http2Server, method: string): Promise<Answer> {
  const { status, headers, body, broken } = await exchange(server, '/', { method })
  return { status, cookies: headers['set-cookie'], body, broken }
}

async function request2(server: Server | Http2Server, method: string): Promise<Answer> {
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  session.on('error', () => {})
  const answer = await new Promise<Answer>((resolve) => {
    const stream = session.request({ ':path': '/', ':method': method })
    let head: { ':status'?: number | undefined; 'set-cookie'?: string[] | undefined } = {}
    let body = ''
    const answered = (broken: boolean) =>
      resolve({ status: head[':status'], cookies: head['set-cookie'], body, broken })
    stream.on('response', (headers: typeof head) => (head = headers))
    stream.setEncoding('utf8')
    stream.on('data', (text: string) => (body += text))
    stream.on('end', () => answered(false))
    stream.on('error', () => answered(true))
    stream.on('aborted', () => answered(true))
    stream.end()
  })
  session.close()
  return answer
}

const kinds = Object.entries({ 'Koa 2': Koa2, 'Koa 3': Koa }).flatMap(([major, App]) =>
  Object.entries(protocols).map(([protocol, over]) => ({ name: `${major} over ${protocol}`, App, ...over })),
)

describe.each(kinds)('$name', ({ App, methods, send }) => {
  test.each(Object.entries(handlers))('held is what it would be unheld: %s', async (_, handler) => {
    for (const method of methods) {
      const expected = await send(koaApp(App, handler, undefined), method)
      const held = await send(koaApp(App, handler, settle), method)
      expect(held).toEqual({ ...expected, cookies: ['sid=1'] })
      expect(held.broken).toBe(false)
    }
  })

  const down = async () => {
    await settle()
    throw new StoreUnavailableError('The store is down.')
  }
  test.each(Object.entries(handlers))('a failed commit is a 503: %s', async (_, handler) => {
    for (const method of methods) {
      expect(await send(koaApp(App, handler, down), method)).toEqual({
        status: 503,
        cookies: ['sid=1'],
        body: method === 'HEAD' ? '' : 'Service Unavailable',
        broken: false,
      })
    }
  })
})

describe('a plain HTTP/2 response', () => {
  let gate: Gate
  let target: FakeTarget | undefined
  let handle: (res: Http2ServerResponse) => void
  const server = createHttp2((_, res) => {
    target = new FakeTarget(res, 'sid=1', () => gate.passed)
    handle(res)
  })
  beforeAll(() => listen(server))
  afterAll(() => server.close())

  const start = (handler: (res: Http2ServerResponse) => void, method = 'GET'): Promise<Answer> => {
    gate = new Gate()
    target = undefined
    handle = handler
    return request2(server, method)
  }
  const committing = () => until(() => target?.commits === 1)

  test('holds head and body, and asks for a drain', async () => {
    const writes: boolean[] = []
    const answering = start((res) => {
      res.writeHead(201, { 'X-A': '1' })
      writes.push(res.write('x'.repeat(65_535)), res.write('x'))
      res.once('drain', () => res.end('done'))
    })
    await committing()
    await settle()
    const { res } = target!
    expect(writes).toEqual([true, false])
    expect([res.headersSent, res.writableEnded]).toEqual([true, false])
    expect((res as Http2ServerResponse).stream.headersSent).toBe(false)
    gate.open()
    const answer = await answering
    expect(answer).toMatchObject({ status: 201, cookies: ['sid=1'], broken: false })
    expect(answer.body).toHaveLength(65_536 + 4)
  })

  test('a status that HTTP/2 refuses is refused at the call', async () => {
    const answering = start((res) => {
      expect(() => res.writeHead(103)).toThrow(expect.objectContaining({ code: 'ERR_HTTP2_INFO_STATUS_NOT_ALLOWED' }))
      res.end('x')
      gate.open()
    })
    expect(await answering).toMatchObject({ status: 200, body: 'x' })
  })

  test.each([
    ['GET', 'Service Unavailable'],
    ['HEAD', ''],
  ])('a failed commit answers a %s', async (method, body) => {
    const answering = start((res) => {
      res.writeHead(200, { 'X-A': '1' })
      res.end('logged in')
      gate.fail(new StoreUnavailableError('The store is down.'))
    }, method)
    expect(await answering).toEqual({ status: 503, cookies: ['sid=1'], body, broken: false })
  })

  test('early hints pass', async () => {
    const answering = start((res) => {
      res.end('x')
      expect(res.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })).toBe(true)
      gate.open()
    })
    expect(await answering).toMatchObject({ status: 200, body: 'x', cookies: ['sid=1'] })
  })

  test('a client that goes away meanwhile: nothing is written, nothing throws', async () => {
    const errors: unknown[] = []
    const answering = start((res) => res.end('x', (error?: unknown) => errors.push(error)))
    await committing()
    const { stream } = target!.res as Http2ServerResponse
    stream.close(8)
    await until(() => stream.destroyed)
    gate.open()
    await settle()
    expect(errors).toEqual([expect.objectContaining({ code: 'ERR_STREAM_DESTROYED' })])
    expect(target).toMatchObject({ heads: 0, told: [] })
    await answering
  })
})
