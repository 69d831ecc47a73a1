import { isStoreUnavailable } from '@holdfast/core'
import { createSessions } from '@holdfast/koa'
import Koa from 'koa'
import { serve } from './serve.js'
import { patiencePage, shopPage } from './shop-page.js'
import { shopStore } from './shop-store.js'

const sessions = createSessions<{ customer: string }>({
  secret: process.env['SESSION_SECRET'],
  ...(await shopStore()),
})
const app = new Koa()

app.use(async (ctx, next) => {
  try {
    await next()
  } catch (error) {
    if (!isStoreUnavailable(error)) throw error
    ctx.status = error.status
    ctx.set(error.headers)
    ctx.body = patiencePage()
  }
})

app.use(sessions).use((ctx) => {
  const name = /^\/sign-in\/(\w+)$/.exec(ctx.path)?.[1]
  if (ctx.method === 'POST' && name !== undefined) {
    ctx.session.rotate()
    ctx.session.customer = name
    ctx.redirect('/shop')
  } else if (ctx.path === '/shop') {
    const { customer } = ctx.session
    ctx.body = ctx.accepts('html', 'json') === 'json' ? { customer } : shopPage(customer)
  }
})

serve(app.callback(), sessions)
