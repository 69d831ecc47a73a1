import type { Context } from 'koa'
import { createSessions } from '@holdfast/koa'

const secret = process.env.SESSION_SECRET

// #region rolling
const remember = { idle: '14d', absolute: '365d' } as const
const sessions = createSessions<{ userId: string }>({ secret, remember })

export function logIn(ctx: Context, userId: string) {
  const session = sessions.of(ctx)
  session.rotate()
  session.remember()
  session.userId = userId
}
// #endregion rolling
