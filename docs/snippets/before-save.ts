import Koa from 'koa'
import { createSessions } from '@holdfast/koa'

const sessions = createSessions<{ userId: string; lastPage: string }>({ secret: process.env.SESSION_SECRET })

// #region before
new Koa().use(sessions).use(async (ctx, next) => {
  await next()
  if (ctx.session.userId) ctx.session.lastPage = ctx.path
})
// #endregion before
