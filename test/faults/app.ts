import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionEvent, StoreEvent } from '@holdfast/core'
import { createSessions } from '@holdfast/express'
import express, { type Request, type Response } from 'express'
import type { AppReport, AppSettings } from './fleet.js'
import { useHosts } from './hosts.js'

/** The app that the fault matrix kills, starves and reads: Express and `createSessions` by URL, as a user writes it. */
const settings = JSON.parse(process.env['APP_SETTINGS'] as string) as AppSettings
const { APP_PORT = '0', APP_HOSTS = '{}', APP_LEAVE_MS = '0' } = process.env
useHosts(JSON.parse(APP_HOSTS) as Record<string, string>)

const events: Record<string, number> = {}
const attempts: number[] = []
/** The id of the session of the request that is being served. */
const served = new AsyncLocalStorage<string>()
let rejections = 0
/** Requests that have their session open and wait: for a time, or for the gate. */
let waiting = 0
let openGate = (): void => {}
const gate = new Promise<void>((resolve) => (openGate = resolve))
const loopDelay = monitorEventLoopDelay({ resolution: 5 })
loopDelay.enable()

const count = (type: string): void => void (events[type] = (events[type] ?? 0) + 1)
subscribe('holdfast:session', (message) => {
  const event = message as SessionEvent
  count(event.type)
  if (event.type === 'commit-failed') count(`commit-failed-${event.code}`)
  if (event.type === 'conflict') attempts[event.rounds] = (attempts[event.rounds] ?? 0) + event.commits
})
subscribe('holdfast:store', (message) => {
  const event = message as StoreEvent
  count(event.type)
  if (event.type !== 'degraded') return
  count(`degraded-${event.operation}`)
  const id = served.getStore()
  // Whoever reads the output has it even if this process is killed in the next moment.
  if (event.operation === 'write' && id !== undefined) console.log(`degraded ${id} ${Date.now()}`)
})
process.on('unhandledRejection', () => rejections++)
process.on('warning', (warning) => count((warning as { code?: string }).code ?? warning.name))

/** Where sessions are kept in the app servers themselves. */
const memory = settings.store.startsWith('peer:') ? new (await import('./own-memory.js')).OwnMemory() : undefined
let clockAhead = 0
const sessions = createSessions<Record<string, unknown>>({
  ...settings,
  cookie: { secure: false },
  clock: () => Date.now() + clockAhead,
})

const app = express()
app.get('/report', (req, res) => {
  const report: AppReport = {
    ...{ events, rejections, waiting, conflicts: attempts.map((commits) => commits ?? 0) },
    loopDelayMs: loopDelay.max / 1e6,
  }
  res.json(report)
  if (req.query['reset'] !== undefined) loopDelay.reset()
})
app.get('/health', (_req, res) => {
  const health = sessions.health()
  res.status(health.ok ? 200 : 503).json(health)
})
app.get('/node', async (_req, res) => {
  res.json(await memory?.report())
})
app.get('/held', async (req, res) => {
  const { id } = req.query as { readonly id: string }
  res.json({ bytes: await memory?.bytes(id) })
})
app.get('/put', async (req, res) => {
  const { id, bytes } = req.query as { readonly id: string; readonly bytes: string }
  await memory?.put(id, bytes)
  res.end()
})
app.get('/clock', (req, res) => {
  clockAhead = Number(req.query['ahead'])
  res.end()
})
app.get('/open-gate', (_req, res) => {
  openGate()
  res.end()
})
app.use(sessions)
app.use((req, _res, next) => served.run(sessions.of(req).id, next))

app.get('/login', (req, res) => {
  const session = sessions.of(req)
  session['userId'] = req.query['user']
  res.end(session.id)
})
app.get('/logout', async (req, res) => {
  await sessions.of(req).destroy()
  res.end()
})
app.get('/add', loggedIn, async (req, res) => {
  const { field, wait } = req.query as { readonly field: string; readonly wait?: string }
  waiting++
  if (wait === 'gate') await gate
  else if (wait) await new Promise((resolve) => setTimeout(resolve, Number(wait)))
  waiting--
  sessions.of(req)[field] = 1
  res.end()
})
app.get('/fill', loggedIn, (req, res) => {
  sessions.of(req)['filling'] = 'x'.repeat(Number(req.query['bytes']))
  res.end()
})
app.get('/show', loggedIn, (req, res) => {
  res.json(sessions.of(req))
})

/** Who has no login is told so, and nothing is stored for them. */
function loggedIn(req: Request, res: Response, next: () => void): void {
  if (sessions.of(req)['userId'] === undefined) res.status(401).end()
  else next()
}

const server = createServer({ keepAliveTimeout: 60_000 }, app)
server.listen(Number(APP_PORT), '127.0.0.1')
await once(server, 'listening')
await sessions.ready()
console.log(`listening on ${(server.address() as AddressInfo).port}`)
process.once('SIGTERM', async () => {
  const leaveMs = Number(APP_LEAVE_MS)
  if (leaveMs > 0) {
    await sessions.drain()
    await sleep(leaveMs)
    server.closeIdleConnections()
    await new Promise((resolve) => server.close(resolve))
  } else {
    server.close()
    server.closeAllConnections()
  }
  await sessions.close()
  process.exit()
})
