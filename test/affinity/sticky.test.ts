import { connect } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BalancerOptions } from '../../packages/cli/src/lb/balancer-options.js'
import { type Balancer, startBalancer } from '../servers/balancer.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import { type AppNode, startFleet } from './node.js'
import { Visitor } from './visitor.js'

/** Three nodes, each with its own memory, behind real balancers: what sticky is, and what it cannot do. */
const programs = [
  { name: 'haproxy', path: await requireServer('haproxy') },
  { name: 'nginx', path: await requireServer('nginx') },
] as const

let fleet: AppNode[] = []
beforeAll(async () => {
  fleet = await startFleet()
})
afterAll(() => Promise.all(fleet.map((node) => node.kill())))

const nodeOf = (name: string): AppNode => fleet.find((node) => node.name === name) as AppNode

describe.each(programs.filter(({ path }) => path !== undefined))('$name', ({ name }) => {
  let balancers: Record<BalancerOptions['by'], Balancer>
  beforeAll(async () => {
    const start = (by: BalancerOptions['by']) => startBalancer(name, { nodes: fleet, by })
    const [route, ip, turns] = await Promise.all([start('route'), start('ip'), start('round-robin')])
    balancers = { route, ip, 'round-robin': turns }
  })
  afterAll(() => Promise.all(Object.values(balancers).map((balancer) => balancer.stop())))

  const visitors = (count: number): Visitor[] => Array.from({ length: count }, () => new Visitor(balancers.route.port))

  test('by route, each visitor stays on the node that has the login', async () => {
    const homes = await Promise.all(
      visitors(12).map(async (visitor, i) => {
        const { said } = await visitor.go(`/login?user=user${i}`)
        expect(visitor.route).toEqual([said.node])
        for (let visits = 1; visits <= 5; visits++)
          expect((await visitor.go('/visit')).said).toMatchObject({ node: said.node, user: `user${i}`, visits })
        return said.node
      }),
    )
    expect(new Set(homes).size).toBe(3)
  })

  test('by route, what a visitor claims decides where the request goes, and nothing else', async () => {
    const [ada] = visitors(1) as [Visitor]
    const { node: home } = (await ada.go('/login?user=ada')).said
    const kept = [...ada.jar]
    for (const { name: other } of fleet.filter((node) => node.name !== home)) {
      for (const route of [`${other}.forged`, `${other}.${home}.forged`]) {
        const { said, set } = await ada.go('/show', { route })
        expect({ node: said.node, user: said.user, set }).toEqual({ node: other, user: null, set: [] })
      }
    }
    for (const route of ['zoë', '.', `${home}`, `${'x'.repeat(3_000)}.b`, '../a.b', "a'b.c"]) {
      const { set, said } = await ada.go('/show', { route: encodeURI(route) })
      expect(set).toHaveLength(said.node === home ? 1 : 0)
    }
    expect([...ada.jar]).toEqual(kept)
    expect((await ada.go('/show')).said).toMatchObject({ node: home, user: 'ada' })
  })

  test('by route, what goes through says who came and how, and no one else can', async () => {
    const [ada] = visitors(1) as [Visitor]
    const headers = { 'x-forwarded-for': '6.6.6.6', 'x-forwarded-proto': 'https' }
    expect((await ada.go('/show', { headers })).said).toMatchObject({ from: '127.0.0.1', proto: 'http' })
  })

  test('by route, a WebSocket is passed on', async () => {
    const socket = connect(balancers.route.port, '127.0.0.1')
    socket.write('GET /chat HTTP/1.1\r\nHost: app\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
    await until('it is upgraded', () => /^HTTP\/1\.1 101 .*\r\n\r\n/s.test(text))
    socket.write('still there?')
    await until('it is echoed', () => text.endsWith('still there?'))
    socket.end()
    await once(socket, 'close')
  })

  const turns = (count: number): Promise<readonly string[]> => {
    const visitor = new Visitor(balancers['round-robin'].port)
    return Promise.all(Array.from({ length: count }, async () => (await visitor.go('/show')).said.node))
  }

  test('in turn, all nodes get requests', async () => {
    expect(new Set(await turns(9)).size).toBe(3)
  })

  test('by address, each has its node without any cookie', async () => {
    const before = await homesByAddress()
    expect(await homesByAddress()).toEqual(before)
    expect(new Set(before).size).toBeGreaterThan(1)
  })

  const addresses = Array.from({ length: 12 }, (_, i) => `127.0.0.${10 + i}`)
  const homesByAddress = (): Promise<readonly string[]> =>
    Promise.all(addresses.map(async (from) => (await new Visitor(balancers.ip.port, from).go('/show')).said.node))

  test('the death of a node takes its logins along, and no other; no page is without an answer', async () => {
    const all = visitors(12)
    const homes = await Promise.all(all.map(async (visitor) => (await visitor.go('/login?user=ada')).said.node))
    const byAddress = await homesByAddress()
    const dead = nodeOf('b')
    await dead.kill()
    try {
      const said = await Promise.all(all.map(async (visitor) => (await visitor.go('/show')).said))
      for (const [i, { node, user }] of said.entries()) {
        if (homes[i] === 'b') expect({ user, isElsewhere: node !== 'b' }).toEqual({ user: null, isElsewhere: true })
        else expect({ node, user }).toEqual({ node: homes[i], user: 'ada' })
      }
      await turns(9)
      await until('who has another node is there again', async () => {
        const now = await homesByAddress()
        return now.every((node, i) => (byAddress[i] === 'b' ? node !== 'b' : node === byAddress[i]))
      })
    } finally {
      await dead.start()
    }
    await until('each address is at home again', async () => (await homesByAddress()).join() === byAddress.join())
    const lost = all.filter((_, i) => homes[i] === 'b')
    await until('each route leads to its node again', async () => {
      const said = await Promise.all(lost.map(async (visitor) => (await visitor.go('/show')).said))
      return said.every(({ node }) => node === 'b')
    })
  })
})
