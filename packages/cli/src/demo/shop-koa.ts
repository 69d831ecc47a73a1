import Koa from 'koa'
import { createSessions } from '@holdfast/koa'
import { serve, serverName } from './serve.js'
import { shopPage } from './shop-page.js'

const sessions = createSessions<{ customer: string }>({
  secret: process.env['SESSION_SECRET'],
  store: process.env['SESSION_STORE'],
})
const app = new Koa().use(sessions)

app.use((ctx) => {
  if (ctx.method === 'POST' && ctx.path === '/sign-in') {
    ctx.session.rotate()
    ctx.session.customer = String(ctx.query['name'])
    ctx.redirect('/shop')
  } else if (ctx.path === '/shop') {
    const { customer } = ctx.session
    ctx.body = ctx.accepts('html', 'json') === 'json' ? { customer } : shopPage(serverName, customer)
  }
})

serve(app.callback())
