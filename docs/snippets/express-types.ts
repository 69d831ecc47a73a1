import express from 'express'
import { createSessions } from '@holdfast/express'

const sessions = createSessions<{ userId: string }>({ secret: process.env.SESSION_SECRET })
const app = express().use(sessions)

// #region of
app.get('/me', (req, res) => {
  res.json({ user: sessions.of(req).userId }) // string | undefined
})
// #endregion of

// #region handler
app.get(
  '/cart',
  sessions.handler((req, res) => {
    res.json({ user: req.session.userId }) // string | undefined
  }),
)
// #endregion handler
