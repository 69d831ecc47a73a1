import { describe, expect, test } from 'vitest'
import { toNodes, WAYS } from '../../packages/cli/src/lb/balancer-options.js'
import { startNode } from '../process.js'
import { checkConfig, configOf } from '../servers/balancer.js'
import { freePort } from '../servers/free-port.js'
import { requireServer } from '../servers/require-server.js'

const programs = [
  { name: 'haproxy', path: await requireServer('haproxy') },
  { name: 'nginx', path: await requireServer('nginx') },
] as const

const settings = async () => ({ health: '/health', listen: `127.0.0.1:${await freePort()}`, cookie: 'way' })

const lists = ['a=127.0.0.1:3001,b=127.0.0.1:3002', 'a=127.0.0.1:3001,B-2=localhost:3002,c_3=[::1]:3003']
const ways = lists.flatMap((list) => WAYS.map((by) => [by, list] as const))

for (const { name, path } of programs) {
  describe.skipIf(path === undefined)(`${name} takes the configuration that is printed`, () => {
    test.each(ways)('by %s for %s', async (by, list) => {
      const said = await checkConfig(name, configOf(name, { nodes: toNodes(list), by, ...(await settings()) }))
      expect(said).not.toMatch(/warn/i)
    })

    test('for ten nodes', async () => {
      const nodes = Array.from({ length: 10 }, (_, i) => ({ name: `node-${i}`, address: `127.0.0.1:${3_000 + i}` }))
      await checkConfig(name, configOf(name, { nodes, by: 'route', ...(await settings()) }))
    })

    test('by the command', async () => {
      const command = lb(name, '--nodes', lists[1] as string, '--listen', `${await freePort()}`, '--health', '/up')
      expect(await command.ended).toMatchObject({ code: 0 })
      expect(command.output()).toContain('/up')
      await checkConfig(name, command.output())
    })
  })
}

const lb = (...args: readonly string[]) => startNode('packages/cli/src/cli.ts', { args: ['lb', ...args] })

test('the command refuses what would be no configuration, with a sentence', async () => {
  const refused = [lb('nginx', '--nodes', 'a=h:1'), lb('apache', '--nodes', 'a=h:1,b=h:2'), lb('nginx')]
  for (const command of refused) expect(await command.ended).toMatchObject({ code: 1 })
  const [single, other, none] = refused.map((command) => command.output())
  expect(single).toContain('There is one node. Give two or more')
  expect(other).toContain("'apache' is invalid")
  expect(none).toContain("required option '--nodes <list>' not specified")
})
