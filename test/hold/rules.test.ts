import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import onFinished from 'on-finished'
import { afterEach, describe, expect, test } from 'vitest'
import { exchange, listen, type Answer } from './exchange.js'
import { bytesSent, FakeTarget, Gate, settle, until } from './fake-target.js'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function serve(handler: (req: IncomingMessage, res: ServerResponse) => void): Promise<Server> {
  const server = await listen(createServer(handler))
  servers.push(server)
  return server
}

/** Answers with `handler`, its commit held until `act` is over. Gives what `act` and the client saw. */
async function held<T>(
  handler: (res: ServerResponse, target: FakeTarget) => void,
  act: (res: ServerResponse, target: FakeTarget) => T | Promise<T>,
): Promise<{ answer: Answer; seen: T; target: FakeTarget }> {
  const gate = new Gate()
  let target!: FakeTarget
  const server = await serve((_, res) => {
    target = new FakeTarget(res, 'sid=1', () => gate.passed)
    handler(res, target)
  })
  const answering = exchange(server, '/')
  await until(() => target?.commits === 1)
  await settle()
  expect(bytesSent(target.res.req)).toBe(0)
  const seen = await act(target.res as ServerResponse, target)
  gate.open()
  return { answer: await answering, seen, target }
}

describe('while the session is being stored', () => {
  test('the response says that its head is sent, and that it is ended when it is', async () => {
    const { answer } = await held(
      (res) => res.write('a'),
      (res) => {
        expect([res.headersSent, res.writableEnded]).toEqual([true, false])
        res.end('b')
        expect([res.headersSent, res.writableEnded]).toEqual([true, true])
      },
    )
    expect(answer).toMatchObject({ status: 200, body: 'ab' })
  })

  test('status, reason and headers can no longer be changed', async () => {
    const { answer } = await held(
      (res) => res.writeHead(201, 'Made', { 'X-A': '1' }).end('one'),
      (res) => {
        const sent = expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' })
        expect(() => res.setHeader('Content-Length', 100)).toThrow(sent)
        expect(() => res.appendHeader('X-A', '2')).toThrow(sent)
        expect(() => res.removeHeader('X-A')).toThrow(sent)
        expect(() => res.writeHead(500)).toThrow(sent)
        res.statusCode = 500
        res.statusMessage = 'Late'
      },
    )
    expect(answer).toMatchObject({ status: 201, reason: 'Made', body: 'one', headers: { 'x-a': '1' } })
  })

  test('a library that asks for the implicit head once more gets nothing', async () => {
    const { answer } = await held(
      (res) => res.end('one'),
      (res) => (res as ServerResponse & { _implicitHeader(): void })._implicitHeader(),
    )
    expect(answer).toMatchObject({ status: 200, body: 'one' })
  })

  test('writes take 64 KiB, then ask to wait, and a drain follows', async () => {
    const writes: boolean[] = []
    const { answer } = await held(
      (res) => {
        for (const size of [1000, 64_535, 1]) writes.push(res.write('x'.repeat(size)))
        res.once('drain', () => res.end('done'))
      },
      () => {},
    )
    expect(writes).toEqual([true, true, false])
    expect(answer.body).toHaveLength(65_536 + 4)
  })

  test('a drain comes once, also when Node has to wait for the client itself', async () => {
    const stillWaiting: boolean[] = []
    const { answer } = await held(
      (res) => {
        res.write(Buffer.alloc(20_000_000))
        res.on('drain', () => {
          stillWaiting.push(res.writableNeedDrain)
          if (!res.writableNeedDrain) res.end()
        })
      },
      () => {},
    )
    expect(answer.body).toHaveLength(20_000_000)
    expect(stillWaiting).toEqual([false])
  })

  test('a HEAD whose handler waits for a drain is answered, though Node writes none of its body', async () => {
    const server = await serve((_, res) => {
      new FakeTarget(res, 'sid=1', settle)
      Readable.from([Buffer.alloc(100_000), Buffer.alloc(10)]).pipe(res)
    })
    expect(await exchange(server, '/', { method: 'HEAD' })).toMatchObject({ status: 200, body: '', broken: false })
  })

  test('the end remains one call: the length is in the head', async () => {
    const { answer } = await held(
      (res) => res.end('hello'),
      () => {},
    )
    expect(answer.headers).toMatchObject({ 'content-length': '5' })
    expect(answer.headers).not.toHaveProperty('transfer-encoding')
  })

  test('what comes after the end is not sent, and its callbacks hear of it', async () => {
    const errors: unknown[] = []
    const { answer } = await held(
      (res) => res.end('one'),
      (res) => {
        expect(res.write('two', (error) => errors.push(error))).toBe(false)
        res.end('three', (error?: unknown) => errors.push(error))
        res.flushHeaders()
        return settle()
      },
    )
    expect(answer.body).toBe('one')
    const afterEnd = expect.objectContaining({ code: 'ERR_STREAM_WRITE_AFTER_END' })
    expect(errors).toEqual([afterEnd, afterEnd])
  })

  test('a flush of the head waits too', async () => {
    const { answer } = await held(
      (res) => res.flushHeaders(),
      (res) => res.end('x'),
    )
    expect(answer).toMatchObject({ status: 200, body: 'x', headers: { 'set-cookie': ['sid=1'] } })
  })

  test('nobody is told that the response is finished', async () => {
    const finished: string[] = []
    const { answer } = await held(
      (res) => {
        onFinished(res, () => finished.push('finished'))
        res.end('x')
      },
      () => expect(finished).toEqual([]),
    )
    expect(answer.body).toBe('x')
    await until(() => finished.length === 1)
  })
})

describe('the head', () => {
  test('the arguments of writeHead are on the response at once, and our cookie joins theirs', async () => {
    const { answer } = await held(
      (res) => {
        res.setHeader('Set-Cookie', 'old=1')
        res.writeHead(200, { 'Set-Cookie': ['a=1'], 'Cache-Control': 'no-cache' })
        expect(res.getHeader('cache-control')).toBe('no-cache')
        res.end()
      },
      () => {},
    )
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'sid=1'])
  })

  test('names repeated in an array stay repeated, also beside headers that were set before', async () => {
    const { answer } = await held(
      (res) => {
        res.setHeader('Set-Cookie', 'old=1')
        res.writeHead(200, ['Set-Cookie', 'a=1', 'set-cookie', 'b=2']).end()
      },
      () => {},
    )
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2', 'sid=1'])
  })

  test('pairs in an array work', async () => {
    const pairs = [
      ['X-A', '1'],
      ['X-B', '2'],
    ] as unknown as string[]
    const { answer } = await held(
      (res) => res.writeHead(200, pairs).end(),
      () => {},
    )
    expect(answer.headers).toMatchObject({ 'x-a': '1', 'x-b': '2' })
  })

  test('Connection: close closes, also when an earlier header said something else', async () => {
    const server = await serve((_, res) => {
      new FakeTarget(res)
      res.setHeader('Connection', 'keep-alive')
      res.writeHead(200, { Connection: 'close' }).end('x')
    })
    const agent = new Agent({ keepAlive: true })
    const closed = once(server, 'connection').then(([socket]: Socket[]) => once(socket!, 'close'))
    expect(await exchange(server, '/', { agent })).toMatchObject({ body: 'x', headers: { connection: 'close' } })
    await closed
    agent.destroy()
  })

  test('the commit starts at the first byte, not at writeHead: the session may still change', async () => {
    let asked = -1
    const { target } = await held(
      (res, fake) => {
        res.writeHead(200)
        asked = fake.asked
        res.end('x')
      },
      () => {},
    )
    expect(asked).toBe(0)
    expect(target.asked).toBe(1)
  })

  test('our headers come last: an app that removes all headers before it answers keeps the cookie', async () => {
    const { answer, target } = await held(
      (res) => {
        res.setHeader('X-A', '1')
        for (const name of res.getHeaderNames()) res.removeHeader(name)
        res.statusCode = 401
        res.end('no')
      },
      (_, { heads }) => expect(heads).toBe(0),
    )
    expect(answer).toMatchObject({ status: 401, headers: { 'set-cookie': ['sid=1'] } })
    expect(target.heads).toBe(1)
  })

  test('a head that Node refuses is refused at the call, before the session is asked; the next answer is stored', async () => {
    const { answer, target } = await held(
      (res, fake) => {
        res.statusMessage = 'a\nb'
        expect(() => res.end('x')).toThrow(expect.objectContaining({ code: 'ERR_INVALID_CHAR' }))
        res.statusCode = 1
        expect(() => res.write('x')).toThrow(expect.objectContaining({ code: 'ERR_HTTP_INVALID_STATUS_CODE' }))
        expect(() => res.writeHead(1000)).toThrow(expect.objectContaining({ code: 'ERR_HTTP_INVALID_STATUS_CODE' }))
        expect(fake.asked).toBe(0)
        res.statusMessage = ''
        res.writeHead(500).end('error page')
      },
      () => {},
    )
    expect(answer).toMatchObject({ status: 500, body: 'error page' })
    expect(target.commits).toBe(1)
  })

  test('a wrapper around setHeader meets our own headers too', async () => {
    const wrapped: unknown[] = []
    const { answer } = await held(
      (res, target) => {
        const setHeader = res.setHeader
        res.setHeader = (...args) => {
          wrapped.push(args[0])
          return setHeader.apply(res, args)
        }
        target.applyHead = () => void res.setHeader('X-Own', '1')
        res.end('x')
      },
      () => {},
    )
    expect(answer.headers).toMatchObject({ 'x-own': '1' })
    expect(wrapped).toEqual(['X-Own'])
  })
})

describe('when there is nothing to store', () => {
  test('the response passes in the same tick, and our headers are still on it', async () => {
    let passed: unknown
    const server = await serve((req, res) => {
      const target = new FakeTarget(res)
      target.needed = false
      target.applyHead = () => res.setHeader('X-Head', 'applied')
      res.end('x')
      passed = [bytesSent(req) > 0, res.writableEnded]
    })
    expect(await exchange(server, '/')).toMatchObject({ body: 'x', headers: { 'x-head': 'applied' } })
    expect(passed).toEqual([true, true])
  })

  test('a real second head is refused by Node', async () => {
    const server = await serve((_, res) => {
      new FakeTarget(res).needed = false
      res.write('x')
      expect(() => res.writeHead(500)).toThrow(expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }))
      res.end()
    })
    expect(await exchange(server, '/')).toMatchObject({ status: 200, body: 'x' })
  })
})

test('100, 102 and 103 reach the client while the session is being stored', async () => {
  const gate = new Gate()
  const server = await serve((_, res) => {
    new FakeTarget(res, 'sid=1', () => gate.passed)
    res.end('x')
    res.writeContinue()
    res.writeProcessing()
    res.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
  })
  const informed: (number | undefined)[] = []
  const answer = await exchange(server, '/', {}, ({ statusCode }) => {
    informed.push(statusCode)
    if (informed.length === 3) gate.open()
  })
  expect(informed).toEqual([100, 102, 103])
  expect(answer).toMatchObject({ status: 200, body: 'x', headers: { 'set-cookie': ['sid=1'] } })
})

test('held responses share their methods', async () => {
  const methods = new Set<unknown>()
  const server = await serve((_, res) => {
    new FakeTarget(res)
    for (const method of [res.writeHead, res.write, res.end, res.flushHeaders]) methods.add(method)
    res.end()
  })
  await exchange(server, '/')
  await exchange(server, '/')
  expect(methods.size).toBe(4)
})
