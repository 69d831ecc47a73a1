import { createServer, type Server, ServerResponse } from 'node:http'
import express, { type Express } from 'express'
import express4 from 'express4'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { exchange, listen } from './exchange.js'
import { FakeTarget } from './fake-target.js'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function serve(app: Express): Promise<Server> {
  const server = await listen(createServer(app))
  servers.push(server)
  return server
}

const held = { status: 200, body: 'done', headers: expect.objectContaining({ 'set-cookie': ['sid=1'] }) as unknown }

describe.each([
  ['Express 4', express4],
  ['Express 5', express],
])('%s', (_, create) => {
  test('a held response has nothing of its own but its state, and node:http is left alone', async () => {
    const before = Object.getOwnPropertyNames(ServerResponse.prototype)
    let own: string[] = []
    const app = create().get('/', (_req, res) => {
      const names = Object.getOwnPropertyNames(res)
      new FakeTarget(res)
      own = Object.getOwnPropertyNames(res).filter((name) => !names.includes(name))
      res.end('done')
    })
    expect(await exchange(await serve(app), '/')).toMatchObject(held)
    expect(own).toEqual([])
    expect(Object.getOwnPropertyNames(ServerResponse.prototype)).toEqual(before)
  })

  test('a response without a session beside held ones is as ever', async () => {
    const app = create()
    app.get('/held', (_req, res) => void new FakeTarget(res).res.end('done'))
    app.get('/', (_req, res) => {
      res.writeHead(201, { 'x-own': 'yes' })
      expect(res.headersSent).toBe(true)
      expect(() => res.setHeader('late', '1')).toThrow(expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }))
      res.write('a')
      res.end('b')
      expect(res.writableEnded).toBe(true)
    })
    const server = await serve(app)
    expect(await exchange(server, '/held')).toMatchObject(held)
    const headers = expect.objectContaining({ 'x-own': 'yes' }) as unknown
    expect(await exchange(server, '/')).toMatchObject({ status: 201, body: 'ab', headers })
  })

  test('a response stays held when it leaves the mounted app that holds it', async () => {
    const inner = create().use((_req, res, next) => {
      new FakeTarget(res)
      next()
    })
    // Its prototype is that of the last app that it is mounted in.
    const app = create().use(inner)
    create().use(inner)
    app.use((_req, res) => void res.end('done'))
    expect(await exchange(await serve(app), '/')).toMatchObject(held)
  })

  test('a method that somebody has put on the response before is called below', async () => {
    const calls: string[] = []
    const app = create().get('/', (_req, res) => {
      const { end } = res
      res.end = function (this: unknown, ...args: unknown[]) {
        calls.push('end')
        return end.apply(res, args as never)
      }
      const target = new FakeTarget(res)
      res.end('done')
      calls.push(`${target.heads} heads`)
    })
    expect(await exchange(await serve(app), '/')).toMatchObject(held)
    expect(calls).toEqual(['0 heads', 'end'])
  })

  test('two copies of this package hold one response: both commit before a byte leaves', async () => {
    vi.resetModules()
    const other = (await import('./fake-target.js')).FakeTarget
    for (const [First, Second] of [
      [FakeTarget, other],
      [other, FakeTarget],
    ] as const) {
      const app = create().get('/', (_req, res) => {
        new First(res, 'a=1')
        new Second(res, 'b=1')
        res.end('done')
      })
      const { headers, body } = await exchange(await serve(app), '/')
      expect(headers['set-cookie']?.sort()).toEqual(['a=1', 'b=1'])
      expect(body).toBe('done')
    }
  })
})
