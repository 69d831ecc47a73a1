import type { BalancerOptions, Node } from './balancer-options.js'
import { indented, INTRODUCTION } from './config-text.js'
import { pairsOf, without } from './routes.js'

/** A complete configuration for the open-source nginx 1.18 or newer. */
export function nginxConfig(options: BalancerOptions): string {
  const { by, health, listen } = options
  const target = by === 'route' ? '$app' : 'app'
  const lines = [
    '# nginx 1.18 or newer, the open-source one. Check it with: nginx -t -c /etc/nginx/nginx.conf',
    ...INTRODUCTION[by],
    '#',
    `# It asks no node for ${health}: only nginx Plus does. A node that refuses a connection is passed over at once, and one that`,
    '# fails three times in 5 s for the next 5 s. So a node leaves when it closes its server: what is in flight is finished,',
    '# and what comes next goes to another node. (HAProxy looks at the path, and can tell before that.)',
    '',
    'worker_processes auto;',
    ...block('events', ['worker_connections 4096;']),
    '',
    ...block('http', [
      '# WebSockets are passed on; all else gets a connection for each request: on one that is kept, a POST may meet its end,',
      '# and cannot be sent again.',
      ...block('map $http_upgrade $connection_upgrade', ["'' close;", 'default upgrade;']),
      '',
      ...upstreamsOf(options),
      ...block('server', [
        `listen ${listen};`,
        '# With TLS: listen 443 ssl; ssl_certificate /etc/nginx/site.pem; ssl_certificate_key /etc/nginx/site.key;',
        '',
        ...block('location /', [
          `proxy_pass http://${target};`,
          'proxy_http_version 1.1;',
          'proxy_set_header Host $http_host;',
          'proxy_set_header Upgrade $http_upgrade;',
          'proxy_set_header Connection $connection_upgrade;',
          '# What a client says of itself is not believed. Behind another proxy: $proxy_add_x_forwarded_for.',
          'proxy_set_header X-Forwarded-For $remote_addr;',
          'proxy_set_header X-Forwarded-Proto $scheme;',
          '',
          '# A request that could not be sent goes to the next node. One that was sent, and got no answer, does only where',
          '# HTTP allows it: never a POST.',
          'proxy_next_upstream error timeout;',
          'proxy_next_upstream_tries 3;',
          'proxy_connect_timeout 1s;',
          '# Also how long a WebSocket may be silent.',
          'proxy_read_timeout 60s;',
        ]),
      ]),
    ]),
    '',
  ]
  return lines.join('\n')
}

const block = (head: string, lines: readonly string[]): readonly string[] => [`${head} {`, ...indented(lines), '}']

function upstreamsOf({ nodes, by, cookie }: BalancerOptions): readonly string[] {
  if (by === 'ip') return upstream('app', ['hash $remote_addr consistent;', ...nodes.map((node) => server(node))])
  const all = upstream(
    'app',
    nodes.map((node) => server(node)),
  )
  return by === 'route' ? [...all, ...routesOf(nodes, cookie)] : all
}

function routesOf(nodes: readonly Node[], cookie: string): readonly string[] {
  const pairs = pairsOf(nodes)
  return [
    '# The first line that fits counts. A route that names no node of this list is none.',
    ...block(`map $cookie_${cookie} $app`, [
      ...pairs.map(({ first, second }) => `'~^${first.name}\\.${second.name}\\.' ${nameOf(first, second)};`),
      ...nodes.map((node) => `'~^${node.name}\\.' ${nameOf(node)};`),
      'default app;',
    ]),
    '',
    '# nginx knows no order among the nodes that stand in: by its weight the second of a route has them all but for one in a',
    '# million, and the others come in when it is away too.',
    ...pairs.flatMap(({ first, second, others }) =>
      upstream(nameOf(first, second), [
        server(first),
        server(second, 'weight=1000000 backup'),
        ...others.map((node) => server(node, 'backup')),
      ]),
    ),
    ...nodes.flatMap((node) =>
      upstream(nameOf(node), [server(node), ...without(nodes, node).map((other) => server(other, 'backup'))]),
    ),
  ]
}

const upstream = (name: string, lines: readonly string[]): readonly string[] => [
  ...block(`upstream ${name}`, lines),
  '',
]

const server = ({ name, address }: Node, ...settings: readonly string[]): string =>
  `server ${[address, 'max_fails=3', 'fail_timeout=5s', ...settings].join(' ')}; # ${name}`

const nameOf = (...nodes: readonly Node[]): string => ['route', ...nodes.map(({ name }) => name)].join('.')
