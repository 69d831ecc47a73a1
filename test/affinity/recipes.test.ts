import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startNode, type Child } from '../process.js'
import { type Balancer, startBalancer } from '../servers/balancer.js'
import { freePorts } from '../servers/free-port.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import { ask } from './node.js'
import { Visitor } from './visitor.js'

/** The recipes of the docs, run as they are shown. */
const env = {
  NODE_ENV: 'test',
  SESSION_SECRET: 'a secret of the recipes, which is long enough',
  SESSION_STORE: 'memory:',
}
const haproxy = await requireServer('haproxy')

interface Answered {
  readonly node: string
  readonly pid: number
  readonly visits: number
}
const visit = async (visitor: Visitor): Promise<Answered> => JSON.parse((await visitor.go('/')).body) as Answered

const isHealthy = async (port: number): Promise<boolean> => (await ask({ port, path: '/health' })).status === 200

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe.skipIf(!haproxy)('node:cluster, each worker a node', () => {
  let primary: Child
  let balancer: Balancer
  let ports: readonly number[]
  beforeAll(async () => {
    ports = await freePorts(3)
    primary = startNode('docs/snippets/cluster.ts', { env: { ...env, PORT: String(ports[0]) } })
    const nodes = ports.map((port, i) => ({ name: 'abc'.charAt(i), address: `127.0.0.1:${port}` }))
    await until('all are there', async () => (await Promise.all(ports.map(isHealthy))).every(Boolean))
    balancer = await startBalancer('haproxy', { nodes, by: 'route' })
  })
  afterAll(async () => {
    await primary.stop('SIGKILL')
    await balancer.stop()
  })

  test('each visitor stays with a worker; one that is killed is back under its name and its port', async () => {
    const visitors = Array.from({ length: 6 }, () => new Visitor(balancer.port))
    const first = await Promise.all(visitors.map(visit))
    expect(first.map(({ node }) => node).sort()).toEqual(['a', 'a', 'b', 'b', 'c', 'c'])
    expect(await Promise.all(visitors.map(visit))).toEqual(first.map((answer) => ({ ...answer, visits: 2 })))

    const { node, pid } = first[0] as Answered
    process.kill(pid, 'SIGKILL')
    await until('it is away', () => !isAlive(pid))
    const second = await Promise.all(visitors.map(visit))
    for (const [i, answer] of second.entries()) {
      if (first[i]?.node === node) expect(answer.node).not.toBe(node)
      else expect(answer).toEqual({ ...first[i], visits: 3 })
    }
    const asks = async () => (await new Visitor(balancer.port).go('/', { route: `${node}.asked-for` })).said
    await until('it is back', async () => (await asks()).node === node)
    expect(isAlive(pid)).toBe(false)
  })

  test('SIGTERM to the primary: the health of all says 503, they finish, and all is over', async () => {
    const visitors = Array.from({ length: 6 }, () => new Visitor(balancer.port))
    const pids = (await Promise.all(visitors.map(visit))).map(({ pid }) => pid)
    const over = primary.stop()
    const statusOf = async (port: number) => (await ask({ port, path: '/health' })).status
    await until('all say so', async () => (await Promise.all(ports.map(statusOf))).every((status) => status === 503))
    expect(await over).toEqual({ code: 0, signal: null })
    expect(pids.filter(isAlive)).toEqual([])
  })
})

test('the app on Koa, started by hand or by PM2', async () => {
  const [port] = (await freePorts(1)) as [number]
  const app = startNode('docs/snippets/sticky-koa.ts', { env: { ...env, PORT: String(port), NODE_NAME: 'n0' } })
  await until('it is healthy', () => isHealthy(port))
  const visitor = new Visitor(port)
  expect(await visit(visitor)).toMatchObject({ node: 'n0', visits: 1 })
  expect(visitor.route).toEqual(['n0'])
  const over = app.stop('SIGINT')
  await until('it says 503', async () => (await ask({ port, path: '/health' })).status === 503)
  expect(await over).toEqual({ code: 0, signal: null })
})
