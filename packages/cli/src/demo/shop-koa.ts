import { createSessions } from '@holdfast/koa'
import Koa from 'koa'
import { serve, serverName } from './serve.js'
import { shopPage } from './shop-page.js'

const sessions = createSessions<{ customer: string }>({
  secret: process.env['SESSION_SECRET'],
  store: process.env['SESSION_STORE'],
})
const app = new Koa().use(sessions)

app.use((ctx) => {
  const name = /^\/sign-in\/(\w+)$/.exec(ctx.path)?.[1]
  if (ctx.method === 'POST' && name !== undefined) {
    ctx.session.rotate()
    ctx.session.customer = name
    ctx.redirect('/shop')
  } else if (ctx.path === '/shop') {
    const { customer } = ctx.session
    ctx.body = ctx.accepts('html', 'json') === 'json' ? { customer } : shopPage(serverName, customer)
  }
})

serve(app.callback())
