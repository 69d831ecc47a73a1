import { createSessions } from '@holdfast/express'
import express from 'express'

const { SESSION_SECRET: secret, SESSION_STORE: store } = process.env
const sessions = createSessions<{ userId: string }>({ secret, store })
const app = express()

app.get('/health', (_req, res) => {
  const health = sessions.health()
  res.status(health.ok ? 200 : 503).json(health)
})
app.use(sessions)

const server = app.listen(3000)
process.once('SIGTERM', async () => {
  await sessions.drain()
  // By then the balancer has asked /health, and sends requests to the others.
  setTimeout(() => server.close(() => void sessions.close()), 3_000)
})
