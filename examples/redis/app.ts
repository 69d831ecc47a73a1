import type { AddressInfo } from 'node:net'
import { isStoreUnavailable } from '@holdfast/core'
import { createSessions } from '@holdfast/express'
import express, { type ErrorRequestHandler } from 'express'

const sessions = createSessions<{ visits: number }>({
  secret: process.env.SESSION_SECRET,
  store: process.env.SESSION_STORE,
})
const app = express().use(sessions)

app.get('/', (req, res) => {
  const session = sessions.of(req)
  session.visits = (session.visits ?? 0) + 1
  res.json({ visits: session.visits, answeredBy: process.pid })
})

/** Redis is away: nobody knows who this is. No login is dropped for that. */
const onUnavailable: ErrorRequestHandler = (error, _req, res, next) => {
  if (!isStoreUnavailable(error)) return next(error)
  res.status(error.status).set(error.headers).json({ error: 'One moment, please.' })
}
app.use(onUnavailable)

await sessions.ready()
const server = app.listen(Number(process.env.PORT), () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`)
})
process.once('SIGTERM', () => server.close(() => void sessions.close()))
