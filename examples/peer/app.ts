import cluster from 'node:cluster'
import type { AddressInfo } from 'node:net'
import { isStoreUnavailable } from '@holdfast/core'
import { createSessions } from '@holdfast/express'
import express, { type ErrorRequestHandler } from 'express'

const { PEERS = '', PORT, SESSION_SECRET, SESSION_STORE } = process.env

if (cluster.isPrimary) runAll()
else await serve()

/** An app server for each of PEERS. When one ends, another takes its place under the same name. */
function runAll(): void {
  let isEnding = false
  const run = (self: string): void => {
    const worker = cluster.fork({ SESSION_STORE: `peer://${self}?peers=${PEERS}` })
    worker.once('exit', () => {
      console.log(`ended: ${worker.process.pid}`)
      if (!isEnding) run(self)
    })
  }
  for (const self of PEERS.split(',')) run(self)
  process.once('SIGTERM', () => {
    isEnding = true
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM')
  })
}

async function serve(): Promise<void> {
  const sessions = createSessions<{ visits: number }>({ secret: SESSION_SECRET, store: SESSION_STORE })
  const app = express()

  app.get('/health', (_req, res) => {
    const health = sessions.health()
    res.status(health.ok ? 200 : 503).json(health)
  })

  app.use(sessions).get('/', (req, res) => {
    const session = sessions.of(req)
    session.visits = (session.visits ?? 0) + 1
    res.json({ visits: session.visits, answeredBy: process.pid })
  })

  /** The servers that have this session are away: nobody knows who this is. No login is dropped for that. */
  const onUnavailable: ErrorRequestHandler = (error, _req, res, next) => {
    if (!isStoreUnavailable(error)) return next(error)
    res.status(error.status).set(error.headers).json({ error: 'One moment, please.' })
  }
  app.use(onUnavailable)

  // Here node:cluster is the balancer, and sends requests to who listens: that is who has its share of the sessions.
  await sessions.ready()
  const server = app.listen(Number(PORT), () => {
    console.log(`http://localhost:${(server.address() as AddressInfo).port} (process ${process.pid})`)
  })
  process.once('SIGTERM', async () => {
    await sessions.drain()
    server.close(async () => {
      await sessions.close()
      cluster.worker?.disconnect()
    })
    server.closeIdleConnections()
  })
}
