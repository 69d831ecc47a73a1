import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { haproxy, nginx } from './balancer-programs.js'
import { chromium } from './chromium.js'
import { java, maven } from './java-programs.js'
import { memcached } from './memcached-program.js'
import { openssl, redisServer } from './redis-program.js'
import type { Server } from './server.js'

const run = promisify(execFile)

const servers = {
  ...{ chromium, haproxy, java, maven, memcached, nginx, openssl },
  'redis-server': redisServer,
} satisfies Record<string, Server>

export type ServerName = keyof typeof servers

/** Where the programs are looked for and how a missing one is brought; the tests of this file give their own. */
export interface Machine {
  readonly env: NodeJS.ProcessEnv
  readonly isRoot: boolean
  readonly install: (packages: readonly string[]) => Promise<void>
  readonly say: (line: string) => void
}

const thisMachine: Machine = {
  env: process.env,
  isRoot: process.getuid?.() === 0,
  install: installOnDebian,
  say: (line) => process.stderr.write(line + '\n'),
}

/**
 * The path of a server's program. Where it is missing: as root under `CI=true` it is installed, and an error if that
 * does not bring it; elsewhere the answer is `undefined` and the command that installs it is printed, so that its tests
 * skip themselves: `describe.skipIf(path === undefined)`.
 */
export async function requireServer(name: ServerName, machine: Machine = thisMachine): Promise<string | undefined> {
  const server: Server = servers[name]
  const present = findProgram(server.commands, machine.env)
  if (present !== undefined) return present
  const command = `apt-get install -y --no-install-recommends ${server.debianPackages.join(' ')}`
  if (machine.env['CI'] !== 'true') {
    machine.say(`SKIPPED: the tests that need ${name}. To run them: sudo ${command}`)
    return undefined
  }
  if (!machine.isRoot) throw new Error(`${name} is missing and only root can install it: ${command}`)
  await machine.install(server.debianPackages)
  const installed = findProgram(server.commands, machine.env)
  if (installed === undefined) throw new Error(`${name} is still missing after: ${command}`)
  return installed
}

function findProgram(commands: readonly string[], env: NodeJS.ProcessEnv): string | undefined {
  const folders = (env['PATH'] ?? '').split(delimiter)
  return commands.flatMap((command) => folders.map((folder) => join(folder, command))).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Test files run side by side and apt takes one caller at a time, hence `flock`. A fresh machine has no package lists. */
async function installOnDebian(packages: readonly string[]): Promise<void> {
  const install = `apt-get install -y --no-install-recommends ${packages.join(' ')}`
  await run(
    'flock',
    [join(tmpdir(), 'holdfast-apt.lock'), 'sh', '-c', `${install} || { apt-get update && ${install}; }`],
    {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      maxBuffer: 16 * 1024 * 1024,
    },
  )
}
