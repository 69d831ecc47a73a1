import { setTimeout as sleep } from 'node:timers/promises'
import Koa from 'koa'
import { createSessions } from '@holdfast/koa'

const { SESSION_SECRET: secret, SESSION_STORE: store, NODE_NAME: node = 'a', PORT: port = '3000' } = process.env

// #region affinity
const sessions = createSessions<{ visits: number }>({ secret, store, affinity: { node } })
// #endregion affinity

// #region health
const app = new Koa()
app.use((ctx, next) => {
  if (ctx.path !== '/health') return next()
  const health = sessions.health()
  ctx.status = health.ok ? 200 : 503
  ctx.body = health
})
// #endregion health

app.use(sessions).use((ctx) => {
  ctx.session.visits = (ctx.session.visits ?? 0) + 1
  ctx.body = { node, pid: process.pid, visits: ctx.session.visits }
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
