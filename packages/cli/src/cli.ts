#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { runDemo } from './demo/run-demo.js'
import { doctorCommand } from './doctor/doctor-command.js'
import { type BalancerOptions, toCookie, toListen, toNodes, toPath, WAYS } from './lb/balancer-options.js'
import { haproxyConfig } from './lb/haproxy.js'
import { nginxConfig } from './lb/nginx.js'
import { migrateCommand } from './migrate/migrate-command.js'
import { withoutWarnings } from './run.js'
import { sessionsCommand } from './sessions/sessions-command.js'
import { terminal } from './terminal.js'

const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
const { version } = JSON.parse(manifest) as { version: string }

const program = new Command('holdfast').description("Sessions that hold when servers don't.").version(version)

program
  .command('demo')
  .description('a shop on three servers, and a page that shows which way of sharing sessions keeps its logins')
  .option('--port <number>', 'where the page listens, on 127.0.0.1', toPort, 3000)
  .action(demo)

const configs = { nginx: nginxConfig, haproxy: haproxyConfig }

program
  .command('lb')
  .description('prints the configuration of a load balancer')
  .addArgument(new Argument('<balancer>').choices(Object.keys(configs)))
  .requiredOption('--nodes <list>', 'the app servers, by affinity.node: a=10.0.0.1:3000,b=10.0.0.2:3000', toNodes)
  .addOption(new Option('--by <way>', 'what decides which of them gets a request').choices(WAYS).default('route'))
  .option('--health <path>', 'where a node answers 200 or 503', toPath, '/health')
  .option('--listen <port>', 'a port, or an address and a port', toListen, '80')
  .option('--cookie <name>', 'affinity.cookie', toCookie, 'holdfast_route')
  .action((balancer: keyof typeof configs, options: BalancerOptions) => console.log(configs[balancer](options)))

for (const command of [migrateCommand, sessionsCommand, doctorCommand])
  program.addCommand(command(terminal).hook('preAction', withoutWarnings))

await program.parseAsync()

async function demo({ port }: { readonly port: number }): Promise<void> {
  try {
    const { url, close } = await runDemo(port)
    let closing: Promise<void> | undefined
    const stop = (): void => void (closing ??= close().then(() => process.exit()))
    // Ctrl-C can arrive twice, from the terminal and from npm; the second one must not cut the first one short.
    process.on('SIGINT', stop).on('SIGTERM', stop)
    // Last: who reads it may send a signal at once.
    console.log(`\n  The shop is open:  ${url}\n  To close it:       Ctrl-C\n`)
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  }
}

function toPort(text: string): number {
  const port = Number(text)
  if (text.trim() === '' || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new InvalidArgumentError('A port is a number from 0 to 65535; 0 takes any free one.')
  }
  return port
}
