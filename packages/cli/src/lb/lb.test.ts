import { InvalidArgumentError } from 'commander'
import { describe, expect, test } from 'vitest'
import { type BalancerOptions, toCookie, toListen, toNodes, toPath } from './balancer-options.js'
import { haproxyConfig } from './haproxy.js'
import { nginxConfig } from './nginx.js'

describe('what is asked for', () => {
  test('is a list of named nodes', () => {
    expect(toNodes('a=10.0.0.1:3000, b-2=app.example:80,C_3=[fd00::1]:65535')).toEqual([
      { name: 'a', address: '10.0.0.1:3000' },
      { name: 'b-2', address: 'app.example:80' },
      { name: 'C_3', address: '[fd00::1]:65535' },
    ])
  })

  test.each([
    ['a=h:1', /There is one node/],
    ['a=h:1,a=h:2', /The node a=h:2 has the name of another/],
    ['a=h:1,A=h:2', /The node A=h:2 has the name of another/],
    ['a=h:1,b=h:1', /The node b=h:1 has the address of another/],
    ['a=h:1,b=h', /"b=h" is no node\. Write name=host:port/],
    ['a=h:1,b=h:', /"b=h:" is no node/],
    ['a=h:1,b=h:0', /h:0: a port is a number from 1 to 65535/],
    ['a=h:1,b=h:65536', /h:65536: a port is a number/],
    ['a=h:1,', /"" is no node/],
    ['a=h:1,h:2', /"h:2" is no node/],
    ['a=h:1,b.c=h:2', /"b\.c=h:2" is no node/],
    [`a=h:1,${'n'.repeat(33)}=h:2`, /is no node/],
    ['a=h:1,b=h;:2', /is no node/],
    ['a=h:1,b=h{}:2', /is no node/],
    ['a=h:1,b=h #:2', /is no node/],
    ['a=h:1,b=h\n:2', /is no node/],
  ])('as %j is refused with a sentence', (list, message) => {
    expect(() => toNodes(list)).toThrow(InvalidArgumentError)
    expect(() => toNodes(list)).toThrow(message)
  })

  test.each([
    [toListen, '0'],
    [toListen, '70000'],
    [toListen, 'all'],
    [toListen, '80;'],
    [toListen, '127.0.0.1'],
    [toPath, 'health'],
    [toPath, '/a b'],
    [toPath, '/a;'],
    [toPath, '/a#'],
    [toPath, '/a\n'],
    [toCookie, 'holdfast-route'],
    [toCookie, ''],
    [toCookie, 'a;'],
  ])('%o %j is refused', (parse, text) => {
    expect(() => parse(text)).toThrow(InvalidArgumentError)
  })

  test('a port, an address, a path and a cookie are taken as they are', () => {
    for (const listen of ['80', '127.0.0.1:8080', '[::1]:8080']) expect(toListen(listen)).toBe(listen)
    expect(toPath('/-/health.json')).toBe('/-/health.json')
    expect(toCookie('way_2')).toBe('way_2')
  })
})

const options = (given: Partial<BalancerOptions> = {}): BalancerOptions => ({
  nodes: toNodes('a=10.0.0.1:1,b=10.0.0.2:2,c=10.0.0.3:3'),
  by: 'route',
  health: '/up',
  listen: '8080',
  cookie: 'way',
  ...given,
})
const blockOf = (config: string, head: string, end: RegExp): readonly string[] => {
  const [, block = ''] = config.split(`\n${head}\n`)
  return (block.split(end)[0] as string).split('\n').map((line) => line.trim())
}

describe('by route', () => {
  test('HAProxy has a backend for each ordered pair: the first, the second, then any', () => {
    const config = haproxyConfig(options())
    expect(config).toContain('use_backend route.b.a if { req.cook(way) -m beg b.a. }')
    expect(config.match(/^backend route\./gm)).toHaveLength(6)
    expect(blockOf(config, 'backend route.b.a', /\n\n/)).toEqual([
      'balance roundrobin',
      'option allbackups',
      'use-server b if TRUE',
      'server b 10.0.0.2:2 track app/b',
      'server a 10.0.0.1:1 track app/a',
      'server c 10.0.0.3:3 track app/c backup',
    ])
    expect(config).toContain('use-server b if { req.cook(way) -m beg b. }')
    expect(config).toContain('http-check send meth GET uri /up ')
    expect(config).toContain('bind :8080')
  })

  test('nginx has an upstream for each ordered pair and for each node alone', () => {
    const config = nginxConfig(options())
    expect(config).toContain('map $cookie_way $app {')
    expect(config).toContain("'~^b\\.a\\.' route.b.a;")
    expect(config.match(/upstream route\.\w\.\w \{/g)).toHaveLength(6)
    expect(config.match(/upstream route\.\w \{/g)).toHaveLength(3)
    expect(blockOf(config, '    upstream route.b.a {', /\n {4}\}/)).toEqual([
      'server 10.0.0.2:2 max_fails=3 fail_timeout=5s; # b',
      'server 10.0.0.1:1 max_fails=3 fail_timeout=5s weight=1000000 backup; # a',
      'server 10.0.0.3:3 max_fails=3 fail_timeout=5s backup; # c',
    ])
    expect(config).toContain('listen 8080;')
  })

  test('two nodes need no third', () => {
    const nodes = toNodes('a=h:1,b=h:2')
    expect(haproxyConfig(options({ nodes }))).not.toMatch(/ backup$/m)
    expect(nginxConfig(options({ nodes })).match(/^ {4}upstream /gm)).toHaveLength(5)
  })
})

test.each(['ip', 'round-robin'] as const)('by %s nobody looks at the cookie', (by) => {
  for (const config of [haproxyConfig(options({ by })), nginxConfig(options({ by }))]) {
    expect(config).not.toMatch(/cookie|route\./)
    expect(config).toContain('10.0.0.3:3')
  }
})
