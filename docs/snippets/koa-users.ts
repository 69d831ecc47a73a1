import type { Context } from 'koa'
import { createSessions } from '@holdfast/koa'

const sessions = createSessions<{ userId: string; device: string }>({ secret: process.env.SESSION_SECRET })

// #region login
export async function login(ctx: Context, userId: string) {
  const session = sessions.of(ctx)
  session.rotate()
  await session.bindUser(userId)
  session.userId = userId
  session.device = ctx.get('user-agent')
}
// #endregion login

// #region devices
export async function devices(userId: string) {
  const stored = await sessions.listByUser(userId)
  return stored.map(({ data, createdAt }) => ({ device: data.device, since: new Date(createdAt) }))
}
// #endregion devices

// #region password
export async function passwordChanged(ctx: Context, userId: string) {
  await sessions.destroyByUser(userId, { except: sessions.of(ctx).id })
}
// #endregion password
