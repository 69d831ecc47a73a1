import type { AddressInfo } from 'node:net'
import { type CreatedSession, nearCache, type RanksNodes, type SessionOptions, type SessionStore } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { afterEach, describe, expect, test } from 'vitest'
import { type AppServer, type Data, type Framework, type Pages, startAppServer } from '../guarantees/app-server.js'
import { routeIn, Visitor } from './visitor.js'

const SECRET = 'a secret of at least thirty-two bytes'
const OLD_SECRET = 'an older secret of at least 32 bytes'

const pages: Pages = {
  show: ({ session }) => session['user'],
  login: ({ session }) => void (session['user'] = 'ada'),
  remember: ({ session }) => session.remember(),
  rotate: ({ session }) => session.rotate(),
  regenerate: ({ session }) => session.regenerate(),
  logout: ({ session }) => session.destroy(),
  forget: ({ assign }) => assign(null),
  fail: ({ session, status }) => {
    session['user'] = 'eve'
    status(500)
  },
  savedAndFailed: async ({ session, status }) => {
    session['user'] = 'ada'
    await session.save()
    status(500)
  },
}

let apps: AppServer[] = []
afterEach(async () => {
  for (const { server, sessions } of apps) {
    server.closeAllConnections()
    server.close()
    await sessions.close()
  }
  apps = []
})

/** Starts a node, and gives a visitor of it. */
async function nodeWith(framework: Framework, options: Partial<SessionOptions<Data>> = {}): Promise<Visitor> {
  const app = await startAppServer(framework, { secret: SECRET, affinity: { node: 'a' }, ...options }, pages)
  apps.push(app)
  return new Visitor((app.server.address() as AddressInfo).port)
}

const ranking = (nodesOf: RanksNodes['nodesOf'], store: SessionStore = memoryStore()): SessionStore & RanksNodes =>
  Object.assign(store, { nodesOf })

describe.each(['Koa', 'Express'] as const)('the route on %s', (framework) => {
  test('goes out with a new session, and not again while it is right', async () => {
    const ada = await nodeWith(framework, { store: ranking(() => ['b', 'c', 'a']) })
    expect((await ada.go('/show')).set).toEqual([])
    const { set } = await ada.go('/login')
    expect(set.map((line) => line.replace(/=[^;]*/, ''))).toEqual([
      'sid; Path=/; HttpOnly; SameSite=Lax',
      'holdfast_route; Path=/; HttpOnly; SameSite=Lax',
    ])
    expect(ada.route).toEqual(['b', 'c'])
    expect((await ada.go('/show')).set).toEqual([])
    expect((await ada.go('/login')).set).toEqual([])
  })

  test('is this node where the store ranks none', async () => {
    const ada = await nodeWith(framework)
    await ada.go('/login')
    expect(ada.route).toEqual(['a'])
  })

  test('that is missing, forged or out of date is put right, also by a page that only reads', async () => {
    let nodes = ['b', 'c']
    const ada = await nodeWith(framework, { store: ranking(() => nodes) })
    await ada.go('/login')
    const right = ada.jar.get('holdfast_route')
    const { body } = await ada.go('/show')
    for (const route of ['', 'b.c', 'c.b.forged', `b.c.${'A'.repeat(43)}`]) {
      const answer = await ada.go('/show', { route })
      expect(answer.body).toBe(body)
      expect(answer.set).toEqual([expect.stringContaining(`holdfast_route=${right};`)])
    }
    nodes = ['c', 'a']
    await ada.go('/show')
    expect(ada.route).toEqual(['c', 'a'])
    expect((await ada.go('/show')).set).toEqual([])
  })

  test('of a session that this node does not have stays as it is, and so does its session cookie', async () => {
    const ada = await nodeWith(framework)
    await ada.go('/login')
    const elsewhere = await nodeWith(framework, { affinity: { node: 'b' } })
    for (const [name, value] of ada.jar) elsewhere.jar.set(name, value)
    expect((await elsewhere.go('/show')).set).toEqual([])
    expect((await ada.go('/show')).body).toContain('ada')
  })

  test('of nobody is not set, whatever the visitor claims', async () => {
    const eve = await nodeWith(framework)
    expect((await eve.go('/show', { route: 'b.c.forged' })).set).toEqual([])
    eve.jar.set('sid', 'forged')
    expect((await eve.go('/show', { route: 'b.c.forged' })).set).toEqual([])
  })

  test.each(['/logout', '/forget'])('is cleared with the session: %s', async (path) => {
    const ada = await nodeWith(framework)
    await ada.go('/login')
    const { set } = await ada.go(path)
    expect(set).toEqual([
      'sid=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax',
      'holdfast_route=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax',
    ])
    expect([...ada.jar]).toEqual([])
  })

  test('follows a new id', async () => {
    const seen: string[] = []
    const store = ranking((key) => {
      seen.push(key)
      return [key.slice(0, 8)]
    })
    const ada = await nodeWith(framework, { store })
    await ada.go('/login')
    for (const path of ['/rotate', '/regenerate']) {
      const before = ada.route
      await ada.go(path)
      expect(ada.route).not.toEqual(before)
      expect(ada.route).toEqual([seen.at(-1)?.slice(0, 8)])
      expect((await ada.go('/show')).set).toEqual([])
    }
  })

  test('lives as long as the session cookie', async () => {
    const ada = await nodeWith(framework)
    await ada.go('/login')
    const { set } = await ada.go('/remember')
    const ages = set.map((line) => /Max-Age=(\d+)/.exec(line)?.[1])
    expect(ages).toEqual(['7776000', '7776000'])
    const [set2] = (await ada.go('/show', { route: 'b' })).set
    expect(Number(/Max-Age=(\d+)/.exec(set2 ?? '')?.[1])).toBeGreaterThan(7_775_990)
  })

  test('under an older key is signed again, with the session cookie', async () => {
    const store = memoryStore()
    const ada = await nodeWith(framework, { store, secret: OLD_SECRET })
    await ada.go('/login')
    const renewed = await nodeWith(framework, { store, secret: [SECRET, OLD_SECRET] })
    for (const [name, value] of ada.jar) renewed.jar.set(name, value)
    expect((await renewed.go('/show')).set).toHaveLength(2)
    expect((await renewed.go('/show')).set).toEqual([])
  })

  test('is put right whatever the status, and goes with a session that was saved before an error', async () => {
    const ada = await nodeWith(framework)
    await ada.go('/login')
    expect(routeIn(await ada.try('/fail', { route: 'b' }))).toMatch(/^a\./)
    expect(await ada.try('/fail')).toMatchObject({ status: 500, set: [] })
    const bob = await nodeWith(framework)
    expect((await bob.try('/savedAndFailed')).set).toHaveLength(2)
  })

  test('goes with a session that was made without a request', async () => {
    const ada = await nodeWith(framework, { store: ranking(() => ['c', 'b']) })
    const { cookie } = (await apps[0]?.sessions.create({ user: 'ada' })) as CreatedSession
    expect(cookie).toMatch(/^sid=[^;]+; holdfast_route=c\.b\.[A-Za-z0-9_-]{43}$/)
    const { body, set } = await ada.go('/show', { cookie })
    expect({ set, isIn: body.includes('ada') }).toEqual({ set: [], isIn: true })
  })

  test('is that of the store below a near cache', async () => {
    const store = nearCache(
      ranking(() => ['c', 'b']),
      { maxStaleMs: 500 },
    )
    const ada = await nodeWith(framework, { store })
    await ada.go('/login')
    expect(ada.route).toEqual(['c', 'b'])
  })
})

test('an answer that puts a route right is kept by no cache', async () => {
  const ada = await nodeWith('Express')
  await ada.go('/login')
  const response = await fetch(`http://127.0.0.1:${(apps[0]?.server.address() as AddressInfo).port}/show`, {
    headers: { cookie: `sid=${ada.jar.get('sid')}` },
  })
  expect(response.headers.get('cache-control')).toBe('private')
})
