import express from 'express'
import { createSessions } from '@holdfast/express'

const { SESSION_SECRET: secret, SESSION_STORE: store } = process.env
const sessions = createSessions<{ userId: string }>({ secret, store })
const app = express().use(sessions)

app.get('/me', (req, res) => {
  res.json({ user: sessions.of(req).userId })
})
