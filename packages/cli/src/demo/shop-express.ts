import { isStoreUnavailable } from '@holdfast/core'
import { createSessions } from '@holdfast/express'
import express, { type ErrorRequestHandler } from 'express'
import { serve } from './serve.js'
import { patiencePage, shopPage } from './shop-page.js'
import { shopStore } from './shop-store.js'

const sessions = createSessions<{ customer: string }>({
  secret: process.env['SESSION_SECRET'],
  ...(await shopStore()),
  onCommitError: (_error, _req, res) => res.setHeader('content-type', 'text/html').end(patiencePage()),
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
  else res.send(shopPage(customer))
})

const onUnavailable: ErrorRequestHandler = (error, _req, res, next) => {
  if (!isStoreUnavailable(error)) return next(error)
  res.status(error.status).set(error.headers).send(patiencePage())
}
app.use(onUnavailable)

serve(app, sessions)
