import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Approach } from '../../packages/cli/src/demo/approaches.js'
import { Demo } from '../../packages/cli/src/demo/demo.js'
import { stickyByCookie } from '../../packages/cli/src/demo/policies.js'

// The app servers are started with the flags of the process that starts them; the workers of vitest have none of them.
process.execArgv.push('--conditions=@holdfast/source', '--import', import.meta.resolve('tsx'))

const approach = (id: string, store: string): Approach => ({
  id,
  title: id,
  line: '',
  store,
  policy: stickyByCookie,
  setsRoute: true,
})

let demo: Demo
const server = createServer((request, response) => void demo.balancer.handle(request, response))

beforeEach(async () => {
  demo = new Demo([approach('one', 'memory:'), approach('same', 'memory:'), approach('broken', 'nonsense:')], () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  await demo.start(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
afterEach(async () => {
  await demo.close()
  server.close().closeAllConnections()
})

const pids = (): readonly (number | undefined)[] => demo.state().servers.map(({ pid }) => pid)

test('an approach with another store starts the servers anew with it; one with the same store leaves them alone', async () => {
  const first = pids()
  await demo.choose('same')
  expect(pids()).toEqual(first)
  await demo.choose('broken')
  // No such store exists: that the servers do not start with it shows that they got it.
  expect(demo.state().servers.map(({ status }) => status)).toEqual(['stopped', 'stopped', 'stopped'])
  expect(demo.state().notice).toBe('broken from now on. 0 of 6 visitors could sign in.')
  await demo.choose('one')
  expect(demo.state().notice).toBe('one from now on. All six visitors have just signed in.')
  for (const pid of pids()) expect(first).not.toContain(pid)
})

test('a server that cannot start says so on the page', async () => {
  await demo.choose('broken')
  expect(await demo.restart('A')).toBe(true)
  expect(demo.state().notice).toBe('Server A did not start: its process ended (exit code 1).')
})
