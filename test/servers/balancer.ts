import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { BalancerOptions } from '../../packages/cli/src/lb/balancer-options.js'
import { haproxyConfig } from '../../packages/cli/src/lb/haproxy.js'
import { nginxConfig } from '../../packages/cli/src/lb/nginx.js'
import { startCommand, type Child } from '../process.js'
import { freePort } from './free-port.js'
import { requireServer } from './require-server.js'
import { makeScratch } from './scratch.js'
import { until } from './until.js'

export type BalancerName = 'haproxy' | 'nginx'

/** A real balancer on a port of 127.0.0.1, with the configuration that `npx @holdfast/cli lb` prints. */
export interface Balancer {
  readonly port: number
  stop(): Promise<void>
}

export async function startBalancer(
  name: BalancerName,
  options: Pick<BalancerOptions, 'nodes' | 'by'>,
): Promise<Balancer> {
  const scratch = await makeScratch()
  const port = await freePort()
  const config = configOf(name, {
    health: '/health',
    cookie: 'holdfast_route',
    listen: `127.0.0.1:${port}`,
    ...options,
  })
  const file = join(scratch.path, 'balancer.conf')
  await writeFile(file, adapted(name, config))
  const child = run(await programOf(name), ARGS[name](file, scratch.path), scratch.path)
  const ended = child.ended.then(() => {
    throw new Error(`${name} ended. It printed:\n${child.output()}`)
  })
  await Promise.race([ended, until(`${name} listens`, () => listens(port))])
  ended.catch(() => {})
  return {
    port,
    async stop() {
      await child.stop('SIGKILL')
      await scratch.remove()
    },
  }
}

/** What the program says of a configuration; rejects when it is not valid. */
export async function checkConfig(name: BalancerName, config: string): Promise<string> {
  const scratch = await makeScratch()
  try {
    const file = join(scratch.path, 'balancer.conf')
    await writeFile(file, adapted(name, config))
    const check = name === 'nginx' ? [...ARGS.nginx(file, scratch.path), '-t'] : ['-c', '-f', file]
    const child = startCommand(await programOf(name), { args: check })
    if ((await child.ended).code !== 0) throw new Error(`${name} refuses it: ${child.output()}\n${config}`)
    return child.output()
  } finally {
    await scratch.remove()
  }
}

export const configOf = (name: BalancerName, options: BalancerOptions): string =>
  name === 'nginx' ? nginxConfig(options) : haproxyConfig(options)

async function programOf(name: BalancerName): Promise<string> {
  const program = await requireServer(name)
  if (!program) throw new Error(`${name} is missing; ask requireServer before this is called.`)
  return program
}

/** In the foreground and as one process; where there is `setpriv` (Linux) it dies with this one. */
function run(program: string, args: readonly string[], cwd: string): Child {
  const [command = program, ...before] = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'KILL', program] : []
  return startCommand(command, { args: [...before, ...args], cwd })
}

const ARGS: Readonly<Record<BalancerName, (file: string, folder: string) => readonly string[]>> = {
  haproxy: (file) => ['-db', '-f', file],
  nginx: (file, folder) => [
    ...['-c', file, '-p', folder, '-e', 'stderr'],
    ...['-g', `daemon off; master_process off; pid ${join(folder, 'nginx.pid')};`],
  ],
}

/** For this user, who need not be root. */
function adapted(name: BalancerName, config: string): string {
  if (name === 'nginx') return withOwnFiles(config)
  return process.getuid?.() === 0 ? config : config.replace(/^ +(?:user|group) haproxy\n/gm, '')
}

/** nginx has the folders of its package compiled in, which only root may write. */
const withOwnFiles = (config: string): string =>
  config.replace(
    /^http \{$/m,
    [
      '$&',
      'access_log off;',
      ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((what) => `${what}_temp_path ${what};`),
    ].join('\n'),
  )

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
