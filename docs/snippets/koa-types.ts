import Koa from 'koa'
import { createSessions, type SessionContext } from '@holdfast/koa'

interface Data {
  userId: string
}
const sessions = createSessions<Data>({ secret: process.env.SESSION_SECRET })

// #region chained
new Koa().use(sessions).use((ctx) => {
  ctx.body = ctx.session.userId // string | undefined
})
// #endregion chained

// #region declared
const app = new Koa<Koa.DefaultState, SessionContext<Data>>()
app.use(sessions)
app.use((ctx) => {
  ctx.body = ctx.session.userId // string | undefined
})
// #endregion declared

// #region of
app.use((ctx) => {
  const session = sessions.of(ctx) // typed everywhere, also in another file
  ctx.body = session.userId
})
// #endregion of
