import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { approachesFor, type Approach } from './approaches.js'
import { Balancer, type Backend } from './balancer.js'

interface Answered {
  readonly server: string
  readonly headers: IncomingHttpHeaders
}

/** A server that answers with its name and the headers that it got, and sets a cookie as a session would. */
class FakeShop implements Backend {
  url: string | undefined
  isHealthy = true
  answers = 0
  listener: RequestListener = (request, response) => {
    response.setHeader('set-cookie', 'sid=new; Path=/')
    response.end(JSON.stringify({ server: this.name, headers: request.headers } satisfies Answered))
  }

  constructor(readonly name: string) {}

  countAnswer(): void {
    this.answers++
  }
}

let shops: FakeShop[]
let servers: Server[]
let origin: string

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

beforeEach(async () => {
  servers = []
  shops = ['A', 'B', 'C'].map((name) => new FakeShop(name))
  for (const shop of shops) shop.url = await listen((request, response) => shop.listener(request, response))
})
afterEach(() => {
  for (const server of servers) server.close().closeAllConnections()
})

const approach = (id: string): Approach => approachesFor({}).find((each) => each.id === id) as Approach

async function open(id: string): Promise<Balancer> {
  const balancer = new Balancer(shops, approach(id))
  origin = await listen((request, response) => void balancer.handle(request, response))
  return balancer
}

const shop = (name: string): FakeShop => shops.find((each) => each.name === name) as FakeShop
const get = (headers: Record<string, string> = {}): Promise<Response> => fetch(`${origin}/shop`, { headers })
const seen = async (headers: Record<string, string> = {}): Promise<Answered> =>
  (await (await get(headers)).json()) as Answered

describe('the address of a visitor', () => {
  test('is the one it claims, and the servers hear it from the balancer only', async () => {
    await open('round-robin')
    const { headers } = await seen({ 'x-demo-visitor-address': '192.0.2.7', 'x-forwarded-for': '10.0.0.1' })
    expect(headers['x-forwarded-for']).toBe('192.0.2.7')
    expect(headers).not.toHaveProperty('x-demo-visitor-address')
  })

  test('is that of its connection when it claims none or nonsense', async () => {
    await open('round-robin')
    expect((await seen({ 'x-forwarded-for': '10.0.0.1' })).headers['x-forwarded-for']).toBe('127.0.0.1')
    expect((await seen({ 'x-demo-visitor-address': 'B' })).headers['x-forwarded-for']).toBe('127.0.0.1')
  })

  test('decides which server it gets, under sticky by client IP', async () => {
    await open('sticky-ip')
    const names = new Set<string>()
    for (let host = 1; host <= 20; host++) {
      const headers = { 'x-demo-visitor-address': `192.0.2.${host}` }
      const first = (await seen(headers)).server
      expect((await seen(headers)).server).toBe(first)
      names.add(first)
    }
    expect([...names].sort()).toEqual(['A', 'B', 'C'])
  })
})

describe('the cookie of the balancer', () => {
  test('is set beside the cookies of the shop, and only when it changes', async () => {
    await open('sticky-cookie')
    expect((await get()).headers.getSetCookie()).toEqual(['sid=new; Path=/', 'SRV=A; Path=/; HttpOnly; SameSite=Lax'])
    expect((await get({ cookie: 'sid=new; SRV=A' })).headers.getSetCookie()).toEqual(['sid=new; Path=/'])
    shop('A').url = undefined
    expect((await get({ cookie: 'SRV=A; sid=new' })).headers.getSetCookie()).toContainEqual(
      expect.stringMatching(/^SRV=[BC];/),
    )
  })

  test('is not set by the other approaches, and a switch takes effect at once', async () => {
    const balancer = await open('round-robin')
    expect((await get()).headers.getSetCookie()).toEqual(['sid=new; Path=/'])
    balancer.use(approach('sticky-cookie'))
    expect((await get()).headers.getSetCookie()).toHaveLength(2)
  })

  test('is found by its whole name', async () => {
    await open('sticky-cookie')
    for (const cookie of ['XSRV=C', 'sid=SRV=C', 'srv=C']) {
      expect((await get({ cookie })).headers.getSetCookie(), cookie).toHaveLength(2)
    }
  })
})

describe('a server that is gone', () => {
  test('gets no requests any more', async () => {
    await open('round-robin')
    shop('B').url = undefined
    expect([(await seen()).server, (await seen()).server, (await seen()).server]).toEqual(['A', 'C', 'A'])
  })

  test('dies with a page view in its hands: the next one answers it, once', async () => {
    await open('round-robin')
    shop('A').listener = (request) => request.socket.destroy()
    const { server } = await seen()
    expect(server).not.toBe('A')
    expect(shops.reduce((sum, { answers }) => sum + answers, 0)).toBe(1)
  })

  test('dies with a sign-in in its hands: that is not sent twice', async () => {
    await open('round-robin')
    let arrived = 0
    for (const each of shops) each.listener = (request) => (arrived++, request.socket.destroy())
    const response = await fetch(`${origin}/sign-in/Mia`, { method: 'POST' })
    expect([response.status, await response.text()]).toEqual([502, 'Server A did not answer.\n'])
    expect(arrived).toBe(1)
  })

  test('is running and says that it is not healthy: it gets requests only when none is', async () => {
    await open('round-robin')
    shop('B').isHealthy = false
    expect([(await seen()).server, (await seen()).server, (await seen()).server]).toEqual(['A', 'C', 'A'])
    for (const each of shops) each.isHealthy = false
    expect([(await seen()).server, (await seen()).server]).toEqual(['A', 'B'])
  })

  test('was the last one: the visitor gets 503', async () => {
    await open('sticky-ip')
    for (const each of shops) each.url = undefined
    const response = await get()
    expect([response.status, await response.text()]).toEqual([503, 'No server is running.\n'])
  })
})

test('the balancer says who answered', async () => {
  await open('round-robin')
  const servers = [await get(), await get()].map(({ headers }) => headers.get('x-served-by'))
  expect(servers).toEqual(['A', 'B'])
})

test('each server counts what it answered, not what it was asked', async () => {
  await open('round-robin')
  for (let request = 0; request < 7; request++) await get()
  expect(shops.map(({ answers }) => answers)).toEqual([3, 2, 2])
})
