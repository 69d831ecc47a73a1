import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { createSessions } from '@holdfast/koa'
import Koa from 'koa'

interface ShopSession {
  userId: string
  cart: string[]
}

/** A shop of three pages: log in, put things into a cart, log out. */
export function createApp(secret = process.env.SESSION_SECRET) {
  // #region app
  const sessions = createSessions<ShopSession>({ secret, store: process.env.SESSION_STORE })
  const app = new Koa().use(sessions)
  // #endregion app

  app.use(async (ctx) => {
    switch (`${ctx.method} ${ctx.path}`) {
      // #region login
      case 'POST /login': {
        const form = new URLSearchParams(await text(ctx.req))
        // Check the password here.
        ctx.session.rotate()
        ctx.session.userId = form.get('user') ?? 'guest'
        ctx.redirect('/')
        return
      }
      // #endregion login
      // #region use
      case 'POST /cart': {
        const form = new URLSearchParams(await text(ctx.req))
        ctx.session.cart = [...(ctx.session.cart ?? []), form.get('item') ?? 'nothing']
        ctx.redirect('/')
        return
      }
      case 'GET /':
        ctx.body = { user: ctx.session.userId ?? null, cart: ctx.session.cart ?? [] }
        return
      // #endregion use
      // #region logout
      case 'POST /logout':
        await ctx.session.destroy()
        ctx.redirect('/')
        return
      // #endregion logout
    }
  })
  return app
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  createApp().listen(3000, () => console.log('http://localhost:3000'))
}
