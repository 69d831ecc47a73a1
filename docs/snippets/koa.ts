import Koa from 'koa'
import { createSessions } from '@holdfast/koa'

const { SESSION_SECRET: secret, SESSION_STORE: store } = process.env
const sessions = createSessions<{ userId: string }>({ secret, store })
const app = new Koa().use(sessions)

app.use((ctx) => {
  ctx.body = { user: ctx.session.userId }
})
