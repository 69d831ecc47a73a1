import type { Request } from 'express'
import { createSessions } from '@holdfast/express'

const secret = process.env.SESSION_SECRET

// #region rolling
const remember = { idle: '14d', absolute: '365d' } as const
const sessions = createSessions<{ userId: string }>({ secret, remember })

export function logIn(req: Request, userId: string) {
  const session = sessions.of(req)
  session.rotate()
  session.remember()
  session.userId = userId
}
// #endregion rolling
