// One app in a process of its own: server.ts <koa|express> <app> <fixture> [URLs of servers]. Answers two questions: its port, its
// CPU time.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fixtures, type App } from './app.js'
import { expressApps } from './express-apps.js'
import { koaApps } from './koa-apps.js'

const [framework, app, fixture, ...urls] = process.argv.slice(2) as [
  'koa' | 'express',
  string,
  keyof typeof fixtures,
  ...string[],
]
const apps: Readonly<Record<string, App>> = framework === 'koa' ? koaApps : expressApps
const listener = apps[app]
if (!listener) throw new Error(`There is no app ${app} on ${framework}.`)

const server = createServer(listener(fixtures[fixture], ...urls)).listen(0, '127.0.0.1', () => {
  process.on('message', (question) => {
    const { user, system } = process.cpuUsage()
    process.send?.(question === 'port' ? (server.address() as AddressInfo) : { cpuMicroseconds: user + system })
  })
})
// Visitors wait for their turn.
server.keepAliveTimeout = 0
process.on('disconnect', () => process.exit())
