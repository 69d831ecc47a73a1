import { createSessions } from '@holdfast/koa'

// #region near-cache
const sessions = createSessions<{ userId: string }>({
  secret: process.env.SESSION_SECRET,
  store: process.env.SESSION_STORE,
  nearCache: { maxStaleMs: 500 },
})
// #endregion near-cache

export { sessions }
