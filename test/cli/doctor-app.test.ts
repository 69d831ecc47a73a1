import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SessionOptions, SessionStore } from '@holdfast/core'
import { createSessions } from '@holdfast/koa'
import { memoryStore } from '@holdfast/memory'
import Koa from 'koa'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { BalancerOptions } from '../../packages/cli/src/lb/balancer-options.js'
import { startBalancer } from '../servers/balancer.js'
import { makeCertificate, type Certificate } from '../servers/certificates.js'
import { freePort } from '../servers/free-port.js'
import { startRedis, type RedisServer } from '../servers/redis.js'
import { requireServer } from '../servers/require-server.js'
import { makeScratch } from '../servers/scratch.js'
import { cli, findings } from './cli.js'
import { front, withSetCookie } from './front.js'

const haproxy = await requireServer('haproxy')
const redisProgram = await requireServer('redis-server')
const openssl = await requireServer('openssl')

type Options = Pick<SessionOptions, 'store' | 'affinity' | 'cookie'>

/** An app server that gives each visitor a session and says its name. It ends with the test. */
async function node(name: string, options: Options): Promise<number> {
  const sessions = createSessions<{ visits: number }>({ secret: 'a secret of at least thirty-two bytes', ...options })
  await sessions.ready()
  const app = new Koa()
  app.use(async (ctx, next) => {
    ctx.set('x-node', name)
    if (ctx.path === '/health') return void (ctx.status = 200)
    if (ctx.path === '/away') return void (ctx.status = 503)
    if (ctx.path === '/elsewhere') return ctx.redirect('https://shop.example.com/')
    if (ctx.path !== '/nothing') return next()
    ctx.body = 'no session here'
  })
  app.use(sessions).use((ctx) => {
    ctx.session.visits = (ctx.session.visits ?? 0) + 1
    ctx.body = 'hello'
  })
  const server = createServer((req, res) => void app.callback()(req, res))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(async () => {
    server.close().closeAllConnections()
    await sessions.close()
  })
  return (server.address() as AddressInfo).port
}

const NODES = ['a', 'b', 'c']
const nodes = (optionsOf: (node: string) => Options): Promise<readonly number[]> =>
  Promise.all(NODES.map((name) => node(name, optionsOf(name))))

async function balancer(ports: readonly number[], by: BalancerOptions['by']): Promise<string> {
  const named = ports.map((port, at) => ({ name: NODES[at] as string, address: `127.0.0.1:${port}` }))
  const { port, stop } = await startBalancer('haproxy', { nodes: named, by })
  onTestFinished(stop)
  return `http://127.0.0.1:${port}`
}

const shared = (): { readonly store: SessionStore } => {
  const store = memoryStore()
  return { store }
}

describe.skipIf(haproxy === undefined || redisProgram === undefined)('doctor, through a real balancer', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis?.stop())

  test('finds nothing where the nodes share their sessions, sticky or in turn', async () => {
    const ports = await nodes((name) => ({ store: `${redis.url}?deadline=5000`, affinity: { node: name } }))
    expect(await findings(await balancer(ports, 'route'))).toMatchObject({ code: 0, found: [] })
    const plain = await nodes(() => ({ store: `${redis.url}?deadline=5000` }))
    const url = await balancer(plain, 'round-robin')
    expect(await findings(url)).toMatchObject({ code: 0, found: [] })
    const { output } = await cli('doctor', url)
    expect(output).toMatch(/127\.0\.0\.1:\d+ +24 requests +round trip .* ms[^]*Nothing is wrong\.\n$/)
  })

  test('finds nodes with memory of their own behind a balancer that takes them in turn', async () => {
    const { code, found, says } = await findings(
      await balancer(await nodes(() => ({ store: 'memory:' })), 'round-robin'),
    )
    expect([code, found]).toEqual([1, ['wrong LOST']])
    expect(says['LOST']).toMatch(/^1[01] of 16 requests .* found no session: the nodes do not share .*redis:, peer:/)
  })

  test('finds a balancer that does not follow the route, whatever the store', async () => {
    const memory = await nodes((name) => ({ store: 'memory:', affinity: { node: name } }))
    const lost = await findings(await balancer(memory, 'round-robin'))
    expect([lost.code, lost.found]).toEqual([1, ['advice NOT_SHARED', 'wrong LOST']])
    expect(lost.says['LOST']).toMatch(
      /though they brought the route [abc]: the balancer does not follow the cookie holdfast_route/,
    )
    const stored = await nodes((name) => ({ store: `${redis.url}?deadline=5000`, affinity: { node: name } }))
    const { code, found, says } = await findings(await balancer(stored, 'round-robin'))
    expect([code, found]).toEqual([1, ['wrong NOT_STICKY']])
    expect(says['NOT_STICKY']).toMatch(/^1[01] of 16 requests with the route of node [abc] were answered by another/)
  })

  test('tells that sessions which are sticky end with their node', async () => {
    const memory = await nodes((name) => ({ store: 'memory:', affinity: { node: name } }))
    const { code, found } = await findings(await balancer(memory, 'route'))
    expect([code, found]).toEqual([0, ['advice NOT_SHARED']])
  })
})

describe('doctor, of what balancers and caches do to cookies', () => {
  const one = async (options: Options = {}): Promise<readonly number[]> => [
    await node('a', { store: 'memory:', ...options }),
  ]

  test('Set-Cookie is dropped', async () => {
    const url = await front(await one(), { onAnswer: ({ 'set-cookie': _dropped, ...headers }) => headers })
    const { code, found, says } = await findings(url)
    expect([code, found]).toEqual([1, ['wrong NO_COOKIE']])
    expect(says['NO_COOKIE']).toMatch(/no answer to 8 newcomers at \/ \(status 200\) sets a session cookie.*--path/)
    expect((await findings(await front(await one()), '--path', '/nothing')).found).toEqual(['wrong NO_COOKIE'])
  })

  test('Cookie is dropped', async () => {
    const url = await front(await one(), { onRequest: ({ cookie: _, ...headers }) => headers })
    const { code, found, says } = await findings(url)
    expect([code, found]).toEqual([1, ['wrong COOKIE_DROPPED']])
    expect(says['COOKIE_DROPPED']).toMatch(/all of 16 requests .* given another session/)
  })

  test('the cookie of the route is dropped', async () => {
    const ports = await nodes((name) => ({ ...store, affinity: { node: name } }))
    const url = await front(ports, {
      pick: () => 0,
      onRequest: ({ cookie = '', ...headers }) => ({ ...headers, cookie: cookie.replace(/; holdfast_route=.*/, '') }),
    })
    expect((await findings(url)).found).toEqual(['wrong ROUTE_DROPPED'])
  })
  const store = shared()

  test('Set-Cookie is doubled', async () => {
    const url = await front(await one(), { onAnswer: (headers) => withSetCookie(headers, (line) => [line, line]) })
    const { code, found, says } = await findings(url)
    expect([code, found]).toEqual([1, ['wrong COOKIE_DOUBLED']])
    expect(says['COOKIE_DOUBLED']).toMatch(/sets the cookie sid 2 times/)
  })

  test('answers with a session are cacheable, or come from a cache', async () => {
    const open = await front(await one(), {
      onAnswer: (headers) => ({ ...headers, 'cache-control': 'public, max-age=60' }),
    })
    const cacheable = await findings(open)
    expect([cacheable.code, cacheable.found]).toEqual([1, ['wrong CACHEABLE']])
    expect(cacheable.says['CACHEABLE']).toContain('Cache-Control: public, max-age=60')
    let kept: Record<string, unknown> | undefined
    const cache = await front(await one(), {
      onAnswer: (headers) => ({ ...(kept ??= headers), age: '7', 'x-cache': 'HIT' }) as Record<string, string>,
    })
    expect((await findings(cache)).found).toEqual(['wrong CACHED', 'wrong SHARED'])
  })

  test('attributes of the cookie are taken out', async () => {
    const url = await front(await one(), {
      onAnswer: (headers) => withSetCookie(headers, (line) => line.replace(/; (HttpOnly|SameSite=Lax)/g, '')),
    })
    expect((await findings(url)).found).toEqual(['wrong NOT_HTTP_ONLY', 'wrong NO_SAME_SITE'])
  })

  test('a node is away, and clocks differ', async () => {
    expect((await findings(await front(await one()), '--path', '/away')).found).toEqual([
      'wrong NO_COOKIE',
      'wrong STATUS',
    ])
    const later = await front(await one(), {
      onAnswer: (headers) => ({ ...headers, date: new Date(Date.now() + 3_600_000).toUTCString() }),
    })
    const { found, says } = await findings(later)
    expect(found).toEqual(['wrong CLOCK'])
    expect(says['CLOCK']).toMatch(/is 3\d{3} s behind the one in the answer/)
  })
})

describe('doctor, of who answers', () => {
  const backedUp = (): Options => {
    const { store } = shared()
    return { store: Object.assign(store, { nodesOf: () => ['a', 'b'] }) }
  }

  test('a route of several nodes shows nothing by itself, and a header does', async () => {
    const options = backedUp()
    const ports = await nodes((name) => ({ ...options, affinity: { node: name } }))
    const turns = await front(ports)
    expect((await findings(turns)).found).toEqual(['unknown NODES'])
    expect((await findings(turns, '--header', 'X-Node')).found).toEqual(['wrong NOT_STICKY'])
    expect((await findings(turns, '--header', 'X-Other')).found).toEqual(['unknown NODES'])
    const sticky = await front(ports, {
      pick: (n, { cookie = '' }) => (cookie.includes('holdfast_route=a.') ? 0 : n % 3),
    })
    expect(await findings(sticky, '--header', 'X-Node')).toMatchObject({ code: 0, found: [] })
  })

  test('a balancer that keeps to a connection hides nothing', async () => {
    const ports = await nodes(() => ({ store: 'memory:' }))
    const url = await front(ports, { pick: (_, __, connection) => connection % 3 })
    expect((await findings(url)).found).toEqual(['wrong LOST'])
  })

  test('a page that never ends says what is asked all the same', async () => {
    const url = await front([await node('a', { store: 'memory:' })], { isEndless: true })
    expect((await findings(url, '--path', '/nothing')).found).toEqual(['wrong NO_COOKIE'])
  })

  test('only one node was seen', async () => {
    const ports = await nodes((name) => ({ store: 'memory:', affinity: { node: name } }))
    const { code, found, says } = await findings(await front(ports, { pick: () => 1 }))
    expect([code, found]).toEqual([0, ['unknown ONE_NODE']])
    expect(says['ONE_NODE']).toMatch(/only the node b was seen/)
  })

  test('what cannot be asked is a sentence, and exit code 2', async () => {
    const url = await front([await node('a', { store: 'memory:' })])
    const away = `http://127.0.0.1:${await freePort()}`
    for (const [args, sentence] of [
      [[url, '--path', '/elsewhere'], /answers 302 and sends its visitors to https:\/\/shop\.example\.com\. Ask there/],
      [[url, '--path', '//other.example.com/'], /--path is "\/\/other\.example\.com\/"\. Give a path of the app/],
      [[away], /does not answer: connect ECONNREFUSED .*Start the app/],
    ] as const)
      expect(await cli('doctor', ...args)).toEqual({ code: 2, output: expect.stringMatching(sentence) })
  })
})

describe.skipIf(openssl === undefined)('doctor, of cookies behind https', () => {
  let certificate: Certificate
  beforeAll(async () => {
    const scratch = await makeScratch()
    certificate = await makeCertificate(scratch.path, 'front')
    return () => scratch.remove()
  })
  afterEach(() => void vi.unstubAllEnvs())

  const behind = async (cookie: SessionOptions['cookie'], domain = '') => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    const port = await node('a', { store: 'memory:', ...(cookie && { cookie }) })
    const onAnswer = (headers: Parameters<typeof withSetCookie>[0]) => withSetCookie(headers, (line) => line + domain)
    return findings(await front([port], { certificate, onAnswer }))
  }

  test('nothing as it is in production', async () => {
    expect(await behind({ secure: true })).toMatchObject({ code: 0, found: [] })
  })

  test('no Secure, a name that others can plant, a prefix that contradicts what the balancer adds', async () => {
    const open = await behind(undefined)
    expect([open.code, open.found]).toEqual([1, ['wrong NOT_SECURE']])
    expect(open.says['NOT_SECURE']).toMatch(/cookie sid has no Secure.*NODE_ENV=production/)
    expect((await behind({ secure: true, name: 'sid' })).found).toEqual(['advice NO_PREFIX'])
    expect((await behind({ secure: true, name: 'sid', sameSite: 'none' })).found).toEqual([
      'advice NO_PREFIX',
      'advice SAME_SITE_NONE',
    ])
    expect((await behind({ secure: true }, '; Domain=127.0.0.1')).found).toEqual(['wrong HOST_PREFIX'])
  })
})
