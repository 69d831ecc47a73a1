import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { requireHazelcast } from '../test/servers/hazelcast-program.js'
import { hazelcastConfig } from '../packages/cli/src/demo/hazelcast-config.js'

interface Member {
  readonly image: string
  readonly volumes: readonly string[]
  readonly environment: { readonly JAVA_OPTS: string }
  readonly networks: { readonly sessions: { readonly ipv4_address: string } }
}

interface Config {
  readonly hazelcast: {
    readonly network: { readonly join: { readonly 'tcp-ip': { readonly 'member-list': readonly string[] } } }
    readonly properties: object
    readonly map: object
    readonly 'split-brain-protection': object
  }
}

const yamlOf = (path: string): unknown =>
  parse(readFileSync(new URL(path, import.meta.url), 'utf8'), { merge: true }) as unknown
const { services } = yamlOf('compose.yml') as { readonly services: Readonly<Record<string, Member>> }
const { hazelcast: recommended } = yamlOf('../docs/snippets/hazelcast.yaml') as Config
const members = Object.values(services)
const program = await requireHazelcast()

describe('compose.yml', () => {
  test('has a member for each address of the configuration that it mounts, which is the recommended one', () => {
    const addresses = members.map(({ networks }) => `${networks.sessions.ipv4_address}:5701`)
    expect(addresses).toEqual(recommended.network.join['tcp-ip']['member-list'])
    for (const { volumes, environment } of members) {
      const [source = '', target = ''] = volumes[0]?.split(':') ?? []
      expect(existsSync(new URL(source, import.meta.url))).toBe(true)
      expect(environment.JAVA_OPTS).toContain(`-Dhazelcast.config=${target} `)
    }
  })

  test.skipIf(program === undefined)('runs the version that the tests run', () => {
    const [, version] = /hazelcast-([\d.]+)\.jar$/.exec(program?.jar ?? '') ?? []
    expect(members.map(({ image }) => image)).toEqual(Array(3).fill(`hazelcast/hazelcast:${version}`))
  })
})

test('the members of the demo have the recommended map, protection and properties', () => {
  const { hazelcast: demo } = JSON.parse(hazelcastConfig(1, [1, 2])) as Config
  expect(demo.map).toEqual(recommended.map)
  expect(demo['split-brain-protection']).toEqual(recommended['split-brain-protection'])
  expect(demo.properties).toMatchObject(recommended.properties)
})
