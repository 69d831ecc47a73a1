import { createSessions, expressSessionStore } from '@holdfast/express'
import express from 'express'
import session, { type Store } from 'express-session'

declare const storeBefore: Store
const app = express()
const { SESSION_SECRET: secret, SESSION_STORE } = process.env
const theirs = {
  secret: process.env.COOKIE_SECRET ?? '',
  resave: false,
  saveUninitialized: false,
  cookie: { maxAge: 86_400_000 },
}

// #region adopt
const sessions = createSessions({ secret, store: SESSION_STORE })
const store = expressSessionStore(sessions, { adopt: storeBefore })
app.use(session({ ...theirs, store }))
// #endregion adopt

// #region bundled
const bundled = expressSessionStore(sessions, { Store: session.Store })
// #endregion bundled

declare module 'express-session' {
  interface SessionData {
    userId?: string
  }
}
// #region everywhere
async function logOutEverywhere(user: string) {
  for (const { id, userId } of await store.all()) if (userId === user) await store.destroy(id)
}
// #endregion everywhere

export { bundled, logOutEverywhere }
