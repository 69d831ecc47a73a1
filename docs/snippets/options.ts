import { createSessions } from '@holdfast/koa'

// #region options
interface Data {
  userId: string
  order: { id: string; paid: boolean }
}

const sessions = createSessions<Data>({
  secret: [process.env.SESSION_SECRET, process.env.SESSION_SECRET_OLD],
  store: process.env.SESSION_STORE,
  idle: '30m',
  absolute: '12h',
  remember: { idle: '30d', absolute: '90d' },
  cookie: { sameSite: 'lax' },
  merge: { order: 'reject' },
  maxPerUser: { limit: 5, whenReached: 'evict-oldest' },
  skip: (req) => req.url?.startsWith('/assets/') ?? false,
})
// #endregion options

export { sessions }
