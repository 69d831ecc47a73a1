import type { Context } from 'koa'
import { createSessions } from '@holdfast/koa'

// #region rolling
export const sessions = createSessions<{ userId: string }>({
  secret: process.env.SESSION_SECRET,
  remember: { idle: '14d', absolute: '365d' },
})

export function login(ctx: Context, userId: string) {
  const session = sessions.of(ctx)
  session.rotate()
  session.remember()
  session.userId = userId
}
// #endregion rolling
