import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { hold, type HoldTarget } from '../../packages/core/src/hold.js'
import { exchange, listen } from './exchange.js'
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

describe('a client that goes away', () => {
  test('while the session is stored: nothing is written, nothing throws, callbacks hear of it', async () => {
    const gate = new Gate()
    const errors: unknown[] = []
    let target!: FakeTarget
    const server = await serve((_, res) => {
      target = new FakeTarget(res, 'sid=1', () => gate.passed)
      res.write('a', (error) => errors.push(error))
      res.end('b', (error?: unknown) => errors.push(error))
    })
    const answering = exchange(server, '/')
    await until(() => target?.commits === 1)
    target.res.req.socket.destroy()
    await once(target.res, 'close')
    gate.open()
    await settle()
    const gone = expect.objectContaining({ code: 'ERR_STREAM_DESTROYED' })
    expect(errors).toEqual([gone, gone])
    expect(target).toMatchObject({ commits: 1, heads: 0, told: [] })
    expect(await answering).toMatchObject({ broken: true })
  })

  test('while the session is stored, which then fails: nothing throws, and nobody is asked to render for it', async () => {
    const gate = new Gate()
    let rendered = false
    let target!: FakeTarget
    const server = await serve((_, res) => {
      target = new FakeTarget(res, 'sid=1', () => gate.passed)
      target.commitFailed = () => (rendered = true)
      res.end('b')
    })
    const answering = exchange(server, '/')
    await until(() => target?.commits === 1)
    target.res.req.socket.destroy()
    await once(target.res, 'close')
    gate.fail(new Error('down'))
    await settle()
    expect(target).toMatchObject({ heads: 0, told: [] })
    expect(rendered).toBe(false)
    await answering
  })

  test('before the first byte: what the handler changed is stored all the same', async () => {
    let target!: FakeTarget
    const server = await serve((_, res) => {
      target = new FakeTarget(res)
    })
    const answering = exchange(server, '/')
    await until(() => target !== undefined)
    target.res.req.socket.destroy()
    await once(target.res, 'close')
    ;(target.res as ServerResponse).end('x')
    await settle()
    expect(target).toMatchObject({ commits: 1, told: [] })
    await answering
  })
})

test('a replay that Node refuses ends the connection and is reported, never thrown', async () => {
  let target!: FakeTarget
  const server = await serve((_, res) => {
    target = new FakeTarget(res)
    res.strictContentLength = true
    res.setHeader('Content-Length', 10)
    res.end('short')
  })
  expect(await exchange(server, '/')).toMatchObject({ broken: true })
  expect(target.told).toEqual([expect.objectContaining({ code: 'ERR_HTTP_CONTENT_LENGTH_MISMATCH' })])
})

describe('two engines on one response', () => {
  test('each commits, and each sets its cookie', async () => {
    const gates = [new Gate(), new Gate()]
    let targets: FakeTarget[] = []
    const server = await serve((_, res) => {
      targets = gates.map((gate, i) => new FakeTarget(res, `sid${i}=1`, () => gate.passed))
      res.end('x')
    })
    const answering = exchange(server, '/')
    await until(() => targets.length === 2)
    gates[1]!.open()
    await settle()
    expect(bytesSent(targets[0]!.res.req)).toBe(0)
    gates[0]!.open()
    expect(await answering).toMatchObject({ body: 'x', headers: { 'set-cookie': ['sid0=1', 'sid1=1'] } })
    expect(targets.map(({ commits, heads }) => [commits, heads])).toEqual([
      [1, 1],
      [1, 1],
    ])
  })

  test('one that has nothing to store does not hinder the other', async () => {
    let targets: FakeTarget[] = []
    const server = await serve((_, res) => {
      targets = [new FakeTarget(res, 'sid0=1'), new FakeTarget(res, 'sid1=1')]
      targets[0]!.needed = false
      res.end('x')
    })
    expect(await exchange(server, '/')).toMatchObject({ body: 'x', headers: { 'set-cookie': ['sid1=1'] } })
    expect(targets.map(({ commits, heads }) => [commits, heads])).toEqual([
      [0, 1],
      [1, 1],
    ])
  })
})

describe('what cannot be held is left alone', () => {
  const stub = (): HoldTarget => ({ needsCommit: () => true, commit: async () => {}, applyHead: () => {} })

  test('the empty object that WebSocket libraries pass for a response', () => {
    const res = {}
    hold(res as ServerResponse, stub())
    expect(res).toEqual({})
  })

  test('the stub of engine.io, which has only some of the methods', () => {
    const headers: Record<string, unknown> = {}
    const res = {
      setHeader: (name: string, value: unknown) => (headers[name] = value),
      getHeader: (name: string) => headers[name],
      removeHeader: (name: string) => delete headers[name],
      write() {},
      writeHead() {},
      end() {},
    }
    const before = { ...res }
    hold(res as unknown as ServerResponse, stub())
    expect(res).toEqual(before)
  })

  test('a response whose head is out', async () => {
    let target!: FakeTarget
    const server = await serve((_, res) => {
      res.write('a')
      target = new FakeTarget(res)
      res.end('b')
    })
    expect(await exchange(server, '/')).toMatchObject({ body: 'ab' })
    expect(target).toMatchObject({ asked: 0, heads: 0 })
  })
})
