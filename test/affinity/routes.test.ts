import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Balancer, startBalancer } from '../servers/balancer.js'
import { startRedis, type RedisServer } from '../servers/redis.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import { type AppNode, ask, startFleet } from './node.js'
import { Visitor } from './visitor.js'

/**
 * Three nodes with a store that ranks them for each session, behind real balancers. Redis keeps the sessions: what the
 * store does with its ranking is not tested here, but what becomes of a visitor.
 */
const redisServer = await requireServer('redis-server')
const programs = [
  { name: 'haproxy', path: await requireServer('haproxy') },
  { name: 'nginx', path: await requireServer('nginx') },
] as const

/** So long a node stays open after `drain()`, until HAProxy has noticed. */
const LEAVE_MS = 3_000

let redis: RedisServer
let fleet: AppNode[] = []
beforeAll(async () => {
  if (!redisServer) return
  redis = await startRedis()
  fleet = await startFleet({ redis: redis.url, leaveMs: LEAVE_MS })
})
afterAll(async () => {
  await Promise.all(fleet.map((node) => node.kill()))
  await redis?.stop()
})

const nodeOf = (name: string | undefined): AppNode => fleet.find((node) => node.name === name) as AppNode
const others = (node: AppNode): AppNode[] => fleet.filter((other) => other !== node)

/** What the store says from now on, on each node. */
const tellAway = (nodes: readonly AppNode[], ...away: readonly string[]) =>
  Promise.all(nodes.map((node) => node.control(`/away?${away.map((name) => `node=${name}`).join('&')}`)))

interface Report {
  readonly orders: number
  readonly waiting: number
}
const ordersOf = async (nodes: readonly AppNode[]): Promise<number> => {
  const reports = await Promise.all(nodes.map((node) => node.control<Report>('/report')))
  return reports.reduce((sum, { orders }) => sum + orders, 0)
}
const isWaiting = async (node: AppNode, count: number): Promise<boolean> =>
  (await node.control<Report>('/report')).waiting === count

describe.skipIf(!redisServer).each(programs.filter(({ path }) => path !== undefined))('$name', ({ name }) => {
  let balancer: Balancer
  beforeEach(async () => {
    balancer = await startBalancer(name, { nodes: fleet, by: 'route' })
  })
  afterEach(() => balancer.stop())

  /** Logged in, each with a route by its key. */
  async function loggedIn(count: number): Promise<Visitor[]> {
    const visitors = Array.from({ length: count }, () => new Visitor(balancer.port))
    await Promise.all(visitors.map((visitor, i) => visitor.go(`/login?user=user${i}`)))
    return visitors
  }
  const nodesOf = (visitors: readonly Visitor[], path = '/show', method: 'GET' | 'POST' = 'GET') =>
    Promise.all(
      visitors.map(async (visitor) => {
        const { node, user } = (await visitor.go(path, { method })).said
        expect(user).toMatch(/^user\d+$/)
        return node
      }),
    )
  const firsts = (visitors: readonly Visitor[]) => visitors.map(({ route }) => route[0])

  test('a request goes to the first node of the route, wherever the login was answered', async () => {
    const visitors = await loggedIn(60)
    expect(await nodesOf(visitors)).toEqual(firsts(visitors))
    expect(new Set(firsts(visitors)).size).toBe(3)
  })

  test('a node that gets a session of another serves it, and puts the route right', async () => {
    const [ada] = (await loggedIn(1)) as [Visitor]
    const [first, second] = ada.route
    const right = ada.jar.get('holdfast_route')
    for (const forged of [`${second}.${first}.forged`, `${second}.forged`]) {
      const answer = await ada.go('/visit', { route: forged })
      expect(answer.said).toMatchObject({ node: second, user: 'user0' })
      expect(answer.set).toEqual([expect.stringContaining(`holdfast_route=${right};`)])
    }
    // A → B → A: what B wrote is there.
    expect((await ada.go('/visit')).said).toMatchObject({ node: first, visits: 3 })
    expect((await ada.go('/visit', { route: `${second}.forged` })).said).toMatchObject({ node: second, visits: 4 })
    expect((await ada.go('/visit')).said).toMatchObject({ node: first, visits: 5 })
  })

  test('kill -9: its visitors go to the second of their route, which is put right, and come back', async () => {
    const visitors = await loggedIn(24)
    const [dead] = fleet as [AppNode]
    const before = firsts(visitors)
    const whereTo = visitors.map(({ route: [first, second] }) => (first === dead.name ? second : first))
    await dead.kill()
    try {
      // From the first request on, also what changes something: it could not be sent, so it is sent to the next.
      expect(await nodesOf(visitors, '/visit', 'POST')).toEqual(whereTo)
      expect(await nodesOf(visitors)).toEqual(whereTo)
      expect(firsts(visitors)).toEqual(before)
      await tellAway(others(dead), dead.name)
      expect(await nodesOf(visitors)).toEqual(whereTo)
      expect(firsts(visitors)).toEqual(whereTo)
      expect(await nodesOf(visitors)).toEqual(whereTo)
      // The second one too: anybody.
      const [alsoDead, left] = others(dead) as [AppNode, AppNode]
      await alsoDead.kill()
      try {
        expect(new Set(await nodesOf(visitors, '/visit', 'POST'))).toEqual(new Set([left.name]))
      } finally {
        await alsoDead.start()
      }
    } finally {
      await dead.start()
      await tellAway(fleet)
    }
    await until('all are at home again', async () => (await nodesOf(visitors)).join() === before.join())
  })

  test('kill -9 in the middle: a page is asked for again at the second node, an order is not sent twice', async () => {
    const [ada] = (await loggedIn(1)) as [Visitor]
    const first = nodeOf(ada.route[0])
    const page = ada.go('/show?wait')
    const order = ada.try('/order?wait', { method: 'POST' })
    await until('both are being served', () => isWaiting(first, 2))
    const second = nodeOf(ada.route[1])
    const before = await ordersOf(others(first))
    await first.kill()
    try {
      expect((await order).status).toBe(502)
      await until('the page is being served by the second node', () => isWaiting(second, 1))
      expect(await ordersOf(others(first))).toBe(before)
      await second.control('/answer')
      expect((await page).said).toMatchObject({ node: second.name, user: 'user0' })
    } finally {
      await first.start()
    }
  })

  test('a node that leaves is drained: what is in flight is finished, and no request fails', async () => {
    const visitors = await loggedIn(6)
    const [ada] = visitors as [Visitor]
    const leaver = nodeOf(ada.route[0])
    const inFlight = ada.go('/order?wait', { method: 'POST' })
    await until('it is being served', () => isWaiting(leaver, 1))
    // nginx learns of it by a connection that is refused; a POST may be on its way just then, and is not sent again.
    const method = name === 'haproxy' ? 'POST' : 'GET'
    let requests = 0
    let isOver = false
    const load = Promise.all(
      visitors.map(async (visitor) => {
        while (!isOver) {
          await visitor.go('/visit', { method })
          requests++
        }
      }),
    )
    const left = leaver.leave()
    await until('it says so', async () => (await ask({ port: leaver.port, path: '/health' })).status === 503)
    if (name === 'haproxy') {
      // It looks at the path: nothing new goes there, although the server is open still.
      await until('nobody gets to it', async () => !(await nodesOf(visitors)).includes(leaver.name), LEAVE_MS)
      expect((await ask({ port: leaver.port, path: '/health' })).status).toBe(503)
    }
    await left
    expect((await inFlight).said).toMatchObject({ node: leaver.name, user: 'user0' })
    expect(await nodesOf(visitors)).not.toContain(leaver.name)
    isOver = true
    await load
    expect(requests).toBeGreaterThan(50)
    await leaver.start()
  })
})
