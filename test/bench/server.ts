// One app in a process of its own: server.ts <koa|express> <app> <fixture> [redis URL]. Answers two questions: its port, its
// CPU time.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fixtures } from './app.js'
import { expressApps } from './express-apps.js'
import { koaApps } from './koa-apps.js'

const [framework, app, fixture, redisUrl = ''] = process.argv.slice(2) as [
  'koa' | 'express',
  keyof typeof koaApps,
  keyof typeof fixtures,
  string?,
]
const apps = framework === 'koa' ? koaApps : expressApps

const server = createServer(apps[app](fixtures[fixture], redisUrl)).listen(0, '127.0.0.1', () => {
  process.on('message', (question) => {
    const { user, system } = process.cpuUsage()
    process.send?.(question === 'port' ? (server.address() as AddressInfo) : { cpuMicroseconds: user + system })
  })
})
// Visitors wait for their turn.
server.keepAliveTimeout = 0
process.on('disconnect', () => process.exit())
