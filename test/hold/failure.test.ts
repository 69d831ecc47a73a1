import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createReadStream } from 'node:fs'
import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import compression from 'compression'
import compression17 from 'compression-1.7'
import express from 'express'
import express4 from 'express4'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { SessionConflictError, StoreUnavailableError } from '../../packages/core/src/errors.js'
import { exchange, listen } from './exchange.js'
import { expressApp } from './express-app.js'
import { bytesSent, FakeTarget, settle } from './fake-target.js'

const unavailable = new StoreUnavailableError('The store is down.')

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** A server whose commits all fail with `error`. */
async function failing(
  handler: (res: ServerResponse, target: FakeTarget, req: IncomingMessage) => void,
  error: unknown = unavailable,
): Promise<Server> {
  const server = createServer((req, res) => {
    const target = new FakeTarget(res, 'own=1', async () => {
      await settle()
      expect(bytesSent(req)).toBe(0)
      throw error
    })
    handler(res, target, req)
  })
  servers.push(server)
  return listen(server)
}

describe('when the session could not be stored', () => {
  test('the handler’s answer is not sent, the failure is', async () => {
    const server = await failing((res) => res.end('logged in'))
    expect(await exchange(server, '/')).toEqual({
      status: 503,
      reason: 'Service Unavailable',
      headers: {
        'retry-after': '1',
        'cache-control': 'no-store',
        'content-type': 'text/plain; charset=utf-8',
        'content-length': '19',
        'set-cookie': ['own=1'],
        date: expect.any(String),
        connection: 'close',
      },
      body: 'Service Unavailable',
      broken: false,
    })
  })

  test.each([
    ['a conflict', new SessionConflictError('Taken.'), 409, 'Conflict'],
    ['an error without a status', new Error('secret detail'), 500, 'Internal Server Error'],
    ['an error with a status that is none', { status: 200 }, 500, 'Internal Server Error'],
    ['a status without a standard text', { status: 599 }, 599, '599'],
    ['nothing at all', null, 500, 'Internal Server Error'],
  ])('%s becomes %s', async (_, error, status, body) => {
    const server = await failing((res) => res.end('logged in'), error)
    expect(await exchange(server, '/')).toMatchObject({ status, body })
  })

  test('HEAD gets no body', async () => {
    const server = await failing((res) => res.end('logged in'))
    const answer = await exchange(server, '/', { method: 'HEAD' })
    expect(answer).toMatchObject({ status: 503, body: '', headers: { 'content-length': '19' }, broken: false })
  })

  test('headers that described the handler’s answer go, the others stay', async () => {
    const server = await failing((res) => {
      const gone = {
        'Content-Length': '9',
        'Content-Encoding': 'br',
        'Content-Disposition': 'attachment',
        'Content-Range': 'bytes 0-8/9',
        ETag: '"1"',
        'Last-Modified': 'Tue, 01 Jan 2030 00:00:00 GMT',
        Expires: 'Tue, 01 Jan 2030 00:00:00 GMT',
        Location: '/next',
        'Accept-Ranges': 'bytes',
        'Set-Cookie': 'theme=dark',
        'Cache-Control': 'max-age=100',
      }
      const kept = {
        'Content-Security-Policy': "default-src 'none'",
        'Access-Control-Allow-Origin': '*',
        'X-Request-Id': '7',
        Vary: 'Origin',
      }
      res.writeHead(302, 'Moved on', { ...gone, ...kept })
      res.end('logged in')
    })
    const { headers, reason } = await exchange(server, '/')
    expect(reason).toBe('Service Unavailable')
    expect(Object.keys(headers).sort()).toEqual([
      ...['access-control-allow-origin', 'cache-control', 'connection', 'content-length', 'content-security-policy'],
      ...['content-type', 'date', 'retry-after', 'set-cookie', 'vary', 'x-request-id'],
    ])
    expect(headers['set-cookie']).toEqual(['own=1'])
  })

  test('the connection serves the next request', async () => {
    const ports: (number | undefined)[] = []
    const server = await failing((res, target, req) => {
      ports.push(req.socket.remotePort)
      if (req.url === '/second') target.needed = false
      res.end('logged in')
    })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    await exchange(server, '/first', { agent })
    expect(await exchange(server, '/second', { agent })).toMatchObject({ status: 200, body: 'logged in' })
    agent.destroy()
    expect(ports[0]).toBe(ports[1])
  })

  test('callbacks of what was held and of what comes later hear of it, and nothing of that is sent', async () => {
    const heard: unknown[] = []
    let later: unknown[] = []
    const server = await failing((res, target) => {
      res.write('a', (error) => heard.push(error))
      res.once('finish', () => {
        later = [res.write('b', (error) => heard.push(error)), res.writeHead(200), res.headersSent, res.writableEnded]
        res.flushHeaders()
        res.end('c', (error?: unknown) => heard.push(error))
        expect(target.heads).toBe(1)
      })
    })
    expect(await exchange(server, '/')).toMatchObject({ status: 503, body: 'Service Unavailable' })
    await settle()
    expect(heard).toEqual([unavailable, unavailable, unavailable])
    expect(later).toEqual([true, expect.anything(), true, true])
  })

  test('a source that was piped in is closed: its file does not stay open for ever', async () => {
    const source = new Readable({ read() {} })
    source.push(Buffer.alloc(100_000))
    let ended: unknown
    const server = await failing((res) => {
      pipeline(source, res).then(
        () => (ended = 'piped'),
        (error: unknown) => (ended = error),
      )
    })
    expect(await exchange(server, '/')).toMatchObject({ status: 503 })
    await settle()
    expect(source.destroyed).toBe(true)
    expect(ended).toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' })
  })

  test('a request that is being piped back is not: its end would cut the answer off', async () => {
    let request!: IncomingMessage
    const server = await failing((res, _, req) => {
      request = req
      req.pipe(res)
    })
    const answer = await exchange(server, '/', { method: 'POST', unfinished: 'first part' })
    expect(answer).toMatchObject({ status: 503, body: 'Service Unavailable' })
    expect(request.destroyed).toBe(false)
  })

  test('one of two engines that fails is enough; the cookie of the other is still sent', async () => {
    const server = await failing((res) => {
      new FakeTarget(res, 'other=1')
      res.end('logged in')
    })
    const answer = await exchange(server, '/')
    expect(answer).toMatchObject({ status: 503, headers: { 'set-cookie': ['own=1', 'other=1'] } })
  })
})

describe('onCommitError', () => {
  test('renders the answer, under the status and the headers of the error', async () => {
    const server = await failing((res, target) => {
      target.commitFailed = (error) => {
        expect(error).toBe(unavailable)
        expect([res.headersSent, res.writableEnded, res.statusCode]).toEqual([false, false, 503])
        res.setHeader('Content-Type', 'text/html')
        res.write('<p>Please ')
        res.end('try again')
      }
      res.end('logged in')
    })
    expect(await exchange(server, '/')).toMatchObject({
      status: 503,
      body: '<p>Please try again',
      headers: { 'content-type': 'text/html', 'retry-after': '1', 'set-cookie': ['own=1'] },
    })
  })

  test('may answer with a head of its own', async () => {
    const server = await failing((res, target) => {
      target.commitFailed = () => res.writeHead(302, { Location: '/busy' }).end()
      res.end('logged in')
    })
    const answer = await exchange(server, '/')
    expect(answer).toMatchObject({ status: 302, body: '', headers: { location: '/busy', 'set-cookie': ['own=1'] } })
  })

  test('that writes nothing leaves the plain answer', async () => {
    const server = await failing((res, target) => {
      target.commitFailed = () => res.setHeader('Content-Encoding', 'br')
      res.end('logged in')
    })
    const answer = await exchange(server, '/')
    expect(answer).toMatchObject({ status: 503, body: 'Service Unavailable' })
    expect(answer.headers).not.toHaveProperty('content-encoding')
  })

  test('that throws leaves the plain answer and is reported', async () => {
    const told: unknown[] = []
    const broken = new Error('no such template')
    const server = await failing((res, target) => {
      target.late = (error) => told.push(error)
      target.commitFailed = () => {
        throw broken
      }
      res.end('logged in')
    })
    expect(await exchange(server, '/')).toMatchObject({ status: 503, body: 'Service Unavailable' })
    expect(told).toEqual([broken])
  })

  test('that begins and does not end is ended', async () => {
    const server = await failing((res, target) => {
      target.commitFailed = () => res.write('Sorry')
      res.end('logged in')
    })
    expect(await exchange(server, '/')).toMatchObject({ status: 503, body: 'Sorry', broken: false })
  })
})

const folder = await mkdtemp(join(tmpdir(), 'holdfast-'))
const file = join(folder, 'big.txt')
await writeFile(file, 'abcdefghij klmnop\n'.repeat(60_000))
afterAll(() => rm(folder, { recursive: true }))

const setups = Object.entries({ 'Express 4': express4, 'Express 5': express }).flatMap(([major, create]) => [
  { name: major, express: create, file },
  { name: `${major}, compression 1.7 above`, express: create, file, before: compression17() },
  { name: `${major}, compression 1.7 below`, express: create, file, after: compression17() },
  { name: `${major}, compression 1.8 above`, express: create, file, before: compression() },
  { name: `${major}, compression 1.8 below`, express: create, file, after: compression() },
])

describe.each(setups)('every kind of answer is replaced by the failure: $name', (setup) => {
  const late: unknown[] = []
  let rendering = false
  const app = expressApp(setup, (_, res) => {
    const target = new FakeTarget(res, 'own=1', async () => {
      await settle()
      throw unavailable
    })
    if (rendering) target.commitFailed = () => res.type('html').send('<p>Sorry')
    target.late = (error) => late.push(error)
    return target
  })
  beforeAll(() => listen(app.server))
  afterAll(() => app.server.close())

  const kinds = [
    ...['json', 'redirect', 'an etag', 'sendFile', 'pipe of a file', 'many small chunks'],
    ...['writes that wait for nothing', 'server-sent events', 'head with an array', 'two answers'],
  ]
  test.each(kinds)('%s', async (name) => {
    rendering = false
    const answer = await exchange(app.server, `/${encodeURIComponent(name)}`, {
      headers: { 'accept-encoding': 'gzip' },
    })
    expect(answer).toMatchObject({ status: 503, body: 'Service Unavailable', headers: { 'set-cookie': ['own=1'] } })
    expect(answer.headers).toMatchObject({ 'retry-after': '1', 'x-frame-options': 'SAMEORIGIN' })
    for (const gone of ['content-encoding', 'etag', 'location']) expect(answer.headers).not.toHaveProperty(gone)
    await settle()
    expect(app.run.logged).toEqual(['GET 503'])
    expect(late).toEqual([])
  })

  test.each(kinds)('%s, rendered by the app', async (name) => {
    rendering = true
    const answer = await exchange(app.server, `/${encodeURIComponent(name)}`, {
      headers: { 'accept-encoding': 'gzip' },
    })
    expect(answer).toMatchObject({ status: 503, body: '<p>Sorry', headers: { 'set-cookie': ['own=1'] } })
    expect(late).toEqual([])
  })
})

test('a file that was being streamed is closed', async () => {
  const stream = createReadStream(file)
  const server = await failing((res) => stream.pipe(res))
  expect(await exchange(server, '/')).toMatchObject({ status: 503 })
  await settle()
  expect(stream.destroyed).toBe(true)
})
