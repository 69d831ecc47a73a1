import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isStoreUnavailable } from '@holdfast/core'
import { createSessions } from '@holdfast/express'
import express, { type ErrorRequestHandler } from 'express'
import { collectDefaultMetrics, register } from 'prom-client'
import { countSessions } from './metrics.js'

const { METRICS_PORT, PORT, SESSION_FAILOVER, SESSION_SECRET, SESSION_STORE } = process.env

collectDefaultMetrics()
countSessions()

const sessions = createSessions<{ visits: number }>({
  secret: SESSION_SECRET,
  store: SESSION_STORE,
  ...(SESSION_FAILOVER && { failover: SESSION_FAILOVER }),
})
const app = express().use(sessions)

app.get('/', (req, res) => {
  const session = sessions.of(req)
  session.visits = (session.visits ?? 0) + 1
  res.json({ visits: session.visits })
})

/** The store is away: nobody knows who this is. No login is dropped for that. */
const onUnavailable: ErrorRequestHandler = (error, _req, res, next) => {
  if (!isStoreUnavailable(error)) return next(error)
  res.status(error.status).set(error.headers).json({ error: 'One moment, please.' })
}
app.use(onUnavailable)

// On a port of its own, which the balancer does not lead to: how a site is doing is nobody else's business.
const metrics = createServer(async (_req, res) => {
  res.setHeader('Content-Type', register.contentType)
  res.end(await register.metrics())
})

const listening = (server: ReturnType<typeof createServer>) =>
  `http://localhost:${(server.address() as AddressInfo).port}`
metrics.listen(Number(METRICS_PORT), () => console.log(`metrics: ${listening(metrics)}/metrics`))
await sessions.ready()
const server = app.listen(Number(PORT), () => console.log(`app: ${listening(server)}`))
process.once('SIGTERM', () => {
  metrics.close()
  server.close(() => void sessions.close())
})
