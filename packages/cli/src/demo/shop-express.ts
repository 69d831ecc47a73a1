import { createSessions } from '@holdfast/express'
import express from 'express'
import { serve, serverName } from './serve.js'
import { shopPage } from './shop-page.js'

const sessions = createSessions<{ customer: string }>({
  secret: process.env['SESSION_SECRET'],
  store: process.env['SESSION_STORE'],
})
const app = express().use(sessions)

app.post('/sign-in/:name', (req, res) => {
  const session = sessions.of(req)
  session.rotate()
  session.customer = req.params.name
  res.redirect('/shop')
})

app.get('/shop', (req, res) => {
  const { customer } = sessions.of(req)
  if (req.accepts('html', 'json') === 'json') res.json({ customer })
  else res.send(shopPage(serverName, customer))
})

serve(app)
