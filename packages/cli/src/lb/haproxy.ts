import type { BalancerOptions, Node } from './balancer-options.js'
import { indented, INTRODUCTION } from './config-text.js'
import { type Pair, pairsOf } from './routes.js'

/** A complete configuration for HAProxy 2.4 or newer. */
export function haproxyConfig(options: BalancerOptions): string {
  const { nodes, by, health, listen, cookie } = options
  const pairs = by === 'route' ? pairsOf(nodes) : []
  const lines = [
    '# HAProxy 2.4 or newer. Check it with: haproxy -c -f haproxy.cfg',
    ...INTRODUCTION[by],
    '',
    ...section('global', [
      '# Who it is once it has its port, where it was started by root.',
      'user haproxy',
      'group haproxy',
      '# Where to write the log: log /dev/log local0',
    ]),
    ...section('defaults', DEFAULTS),
    ...section('frontend web', [
      `bind ${listen.includes(':') ? listen : `:${listen}`}`,
      '# With TLS: bind :443 ssl crt /etc/haproxy/site.pem alpn h2,http/1.1',
      '',
      '# What a client says of itself is not believed. Behind another proxy, add to the header instead.',
      'http-request set-header X-Forwarded-For %[src]',
      'http-request set-header X-Forwarded-Proto https if { ssl_fc }',
      'http-request set-header X-Forwarded-Proto http unless { ssl_fc }',
      '',
      '# A page that was asked for may be asked for again; whatever else was sent is not sent twice.',
      'http-request disable-l7-retry unless METH_GET',
      '',
      ...pairs.map(
        ({ first, second }) => `use_backend ${backendOf(first, second)} if ${routeIs(cookie, first, second)}`,
      ),
      'default_backend app',
    ]),
    ...section('backend app', [
      ...BALANCE[by],
      '',
      `# A node whose ${health} does not answer 200 twice in a row gets no new requests; those in flight finish. The app`,
      '# should keep its server open for 3 s after sessions.drain().',
      'option httpchk',
      `http-check send meth GET uri ${health} ver HTTP/1.1 hdr Host localhost`,
      'http-check expect status 200',
      'default-server check inter 1s fastinter 500ms fall 2 rise 2',
      '',
      ...(by === 'route' ? nodes.map((node) => `use-server ${node.name} if ${routeIs(cookie, node)}`) : []),
      ...nodes.map((node) => server(node)),
    ]),
    ...pairs.flatMap(pairBackend),
  ]
  return lines.join('\n')
}

const section = (head: string, lines: readonly string[]): readonly string[] => [head, ...indented(lines), '']

const BALANCE = {
  route: ['# New visitors are spread evenly.', 'balance roundrobin'],
  ip: ['balance source', 'hash-type consistent'],
  'round-robin': ['balance roundrobin'],
} as const

const DEFAULTS = [
  'mode http',
  'timeout connect 1s',
  'timeout client 60s',
  'timeout server 60s',
  'timeout http-request 10s',
  'timeout queue 5s',
  '# WebSockets, which are passed on as they are.',
  'timeout tunnel 1h',
  '',
  '# A request that could not be sent goes to another node.',
  'retries 2',
  'option redispatch 1',
  'retry-on conn-failure empty-response',
  '',
  '# A connection for each request: on one that is kept, a POST may meet its end, and cannot be sent again.',
  'option http-server-close',
]

/** By the first of its nodes, then by the second, then by any other. */
const pairBackend = ({ first, second, others }: Pair): readonly string[] =>
  section(`backend ${backendOf(first, second)}`, [
    'balance roundrobin',
    'option allbackups',
    `use-server ${first.name} if TRUE`,
    ...[first, second].map((node) => server(node, `track app/${node.name}`)),
    ...others.map((node) => server(node, `track app/${node.name} backup`)),
  ])

const server = ({ name, address }: Node, ...settings: readonly string[]): string =>
  ['server', name, address, ...settings].join(' ')

const backendOf = (...nodes: readonly Node[]): string => ['route', ...nodes.map(({ name }) => name)].join('.')

const routeIs = (cookie: string, ...nodes: readonly Node[]): string =>
  `{ req.cook(${cookie}) -m beg ${nodes.map(({ name }) => `${name}.`).join('')} }`
