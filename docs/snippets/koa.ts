import Koa from 'koa'
import { createSessions } from '@holdfast/koa'

const sessions = createSessions<{ userId: string }>({
  secret: process.env.SESSION_SECRET,
  store: process.env.SESSION_STORE,
})
const app = new Koa().use(sessions)

app.use((ctx) => {
  ctx.body = { user: ctx.session.userId }
})
