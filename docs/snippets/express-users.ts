import type { Request } from 'express'
import { createSessions } from '@holdfast/express'

const sessions = createSessions<{ userId: string; device: string }>({ secret: process.env.SESSION_SECRET })

// #region login
export async function login(req: Request, userId: string) {
  const session = sessions.of(req)
  session.rotate()
  await session.bindUser(userId)
  session.userId = userId
  session.device = req.get('user-agent') ?? 'unknown'
}
// #endregion login

// #region devices
export async function devices(userId: string) {
  const stored = await sessions.listByUser(userId)
  return stored.map(({ data, createdAt }) => ({ device: data.device, since: new Date(createdAt) }))
}
// #endregion devices

// #region password
export async function passwordChanged(req: Request, userId: string) {
  await sessions.destroyByUser(userId, { except: sessions.of(req).id })
}
// #endregion password
