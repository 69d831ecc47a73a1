import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
import { createSessions } from '@holdfast/express'

const { SESSION_SECRET: secret, SESSION_STORE: store, NODE_NAME: node = 'a', PORT: port = '3000' } = process.env

// #region affinity
const sessions = createSessions<{ visits: number }>({ secret, store, affinity: { node } })
// #endregion affinity

// #region health
const app = express()
app.get('/health', (req, res) => {
  const health = sessions.health()
  res.status(health.ok ? 200 : 503).json(health)
})
app.use(sessions)
// #endregion health

app.get('/', (req, res) => {
  const session = sessions.of(req)
  session.visits = (session.visits ?? 0) + 1
  res.json({ node, pid: process.pid, visits: session.visits })
})

// #region leave
const server = app.listen({ port, exclusive: true })

async function leave(): Promise<void> {
  await sessions.drain() // from here on the health path says 503
  await sleep(3_000) // until the balancer has noticed
  server.close(async () => {
    await sessions.close()
    process.exit()
  })
}
process.once('SIGTERM', leave).once('SIGINT', leave)
// #endregion leave
