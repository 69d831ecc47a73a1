import Koa from 'koa'
import { createSessions } from '@holdfast/koa'

declare function passwordStampOf(userId: string): Promise<string>
const sessions = createSessions<{ userId: string; stamp: string }>({ secret: process.env.SESSION_SECRET })

// #region validate
new Koa().use(sessions).use(async (ctx, next) => {
  const { userId, stamp } = ctx.session
  if (userId && stamp !== (await passwordStampOf(userId))) await ctx.session.destroy()
  await next()
})
// #endregion validate
