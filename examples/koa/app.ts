import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { createSessions, type SessionContext } from '@holdfast/koa'
import Koa from 'koa'

interface ShopSession {
  userId: string
  cart: string[]
}
type ShopContext = Koa.ParameterizedContext<Koa.DefaultState, SessionContext<ShopSession>>

const formOf = async (ctx: ShopContext) => new URLSearchParams(await text(ctx.req))

// #region routes
async function logIn(ctx: ShopContext) {
  const form = await formOf(ctx)
  // Check the password here.
  ctx.session.rotate()
  ctx.session.userId = form.get('user') ?? 'guest'
  ctx.redirect('/')
}

async function addToCart(ctx: ShopContext) {
  const form = await formOf(ctx)
  const { cart = [] } = ctx.session
  ctx.session.cart = [...cart, form.get('item') ?? 'nothing']
  ctx.redirect('/')
}

function show(ctx: ShopContext) {
  const { userId = null, cart = [] } = ctx.session
  ctx.body = { user: userId, cart }
}

async function logOut(ctx: ShopContext) {
  await ctx.session.destroy()
  ctx.redirect('/')
}
// #endregion routes

const routes: Readonly<Record<string, (ctx: ShopContext) => void | Promise<void>>> = {
  'GET /': show,
  'POST /login': logIn,
  'POST /cart': addToCart,
  'POST /logout': logOut,
}

/** A shop of one page: log in, put things into a cart, log out. */
export function createApp(secret = process.env.SESSION_SECRET, store = process.env.SESSION_STORE) {
  const sessions = createSessions<ShopSession>({ secret, store })
  const app = new Koa().use(sessions)
  app.use((ctx) => routes[`${ctx.method} ${ctx.path}`]?.(ctx))
  return app
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  createApp().listen(3000, () => console.log('http://localhost:3000'))
}
