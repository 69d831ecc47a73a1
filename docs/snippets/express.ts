import express from 'express'
import { createSessions } from '@holdfast/express'

const sessions = createSessions<{ userId: string }>({
  secret: process.env.SESSION_SECRET,
  store: process.env.SESSION_STORE,
})
const app = express().use(sessions)

app.get('/me', (req, res) => {
  res.json({ user: sessions.of(req).userId })
})
