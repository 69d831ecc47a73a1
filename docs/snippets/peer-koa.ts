import Koa from 'koa'
import { createSessions } from '@holdfast/koa'

const { SESSION_SECRET: secret, SESSION_STORE: store } = process.env
const sessions = createSessions<{ userId: string }>({ secret, store })
const app = new Koa()

app.use(async (ctx, next) => {
  if (ctx.path !== '/health') return next()
  ctx.body = sessions.health()
  ctx.status = sessions.health().ok ? 200 : 503
})
app.use(sessions)

const server = app.listen(3000)
process.once('SIGTERM', async () => {
  await sessions.drain()
  // By then the balancer has asked /health, and sends requests to the others.
  setTimeout(() => server.close(() => void sessions.close()), 3_000)
})
