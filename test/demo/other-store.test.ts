import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Approach } from '../../packages/cli/src/demo/approaches.js'
import { Demo } from '../../packages/cli/src/demo/demo.js'
import { stickyByCookie } from '../../packages/cli/src/demo/policies.js'

// The app servers are started with the flags of the process that starts them; the workers of vitest have none of them.
process.execArgv.push('--conditions=@holdfast/source', '--import', import.meta.resolve('tsx'))

const sticky = { title: 'Sticky', line: '', policy: stickyByCookie, setsRoute: true }
const approaches: readonly [Approach, ...Approach[]] = [
  { ...sticky, id: 'roomy', store: 'memory:' },
  { ...sticky, id: 'roomy-too', store: 'memory:' },
  { ...sticky, id: 'narrow', store: 'memory:?maxSessions=1' },
  { ...sticky, id: 'broken', store: 'memory:?maxSessions=none' },
]

let demo: Demo
const balancer = createServer((request, response) => void demo.balancer.handle(request, response))

beforeEach(async () => {
  demo = new Demo(approaches, () => {})
  balancer.listen(0, '127.0.0.1')
  await once(balancer, 'listening')
  await demo.start(`http://127.0.0.1:${(balancer.address() as AddressInfo).port}`)
})
afterEach(async () => {
  await demo.close()
  balancer.close().closeAllConnections()
})

const pids = (): readonly (number | undefined)[] => demo.state().servers.map(({ pid }) => pid)
const lost = (id: string): number => demo.state().approaches.find((each) => each.id === id)?.score.lost ?? NaN

test('an approach with another store starts the servers anew with it; one with the same store leaves them alone', async () => {
  const first = pids()
  await demo.choose('roomy-too')
  expect(pids()).toEqual(first)

  await demo.choose('narrow')
  expect(demo.state().notice).toBe('Sticky from now on. All six visitors have just signed in.')
  for (const pid of pids()) expect(first).not.toContain(pid)
  // Two visitors on each server, and room for one session: the servers do have the new store.
  demo.burst(20)
  await expect.poll(() => lost('narrow'), { timeout: 10_000 }).toBeGreaterThan(0)
})

test(
  'servers that cannot start with it say so on the page, and start again with a good one',
  { timeout: 90_000 },
  async () => {
    await demo.choose('broken')
    expect(demo.state().servers.map(({ status }) => status)).toEqual(['stopped', 'stopped', 'stopped'])
    expect(demo.state().notice).toBe('Sticky from now on. 0 of 6 visitors could sign in.')
    await demo.restart('A')
    expect(demo.state().notice).toBe('Server A did not start: its process ended (exit code 1).')
    await demo.choose('roomy')
    expect(demo.state().notice).toBe('Sticky from now on. All six visitors have just signed in.')
  },
)
