import { createSessions } from '@holdfast/koa'

export const sessions = createSessions<{ userId: string }>({
  secret: process.env.SESSION_SECRET,
  remember: { idle: '30d', absolute: '90d' },
})
type Session = ReturnType<typeof sessions.of>

// #region remember
export function keep(session: Session, kind: 'customer' | 'staff' | 'kiosk') {
  if (kind === 'customer') session.remember() // 30 days idle, 90 days in all
  if (kind === 'staff') session.remember({ idle: '2h', absolute: '7d' })
  // kiosk: 30 minutes idle, 12 hours in all, gone with the browser
}
// #endregion remember
