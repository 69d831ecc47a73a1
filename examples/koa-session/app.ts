import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { createSessions, koaSessionStore, type KoaSessionStoreOptions } from '@holdfast/koa'
import Koa from 'koa'
import session from 'koa-session'

/** What koa-session puts on `ctx.session`: it brings no type for that. */
interface ShopSession {
  userId?: string
  cart?: string[]
  regenerate(): Promise<void>
}
type ShopContext = Koa.ParameterizedContext<Koa.DefaultState, { session: ShopSession | null }>

const formOf = async (ctx: ShopContext) => new URLSearchParams(await text(ctx.req))

// What a team had before: nothing here knows of Holdfast.
async function logIn(ctx: ShopContext) {
  const form = await formOf(ctx)
  // Check the password here.
  ctx.session!.userId = form.get('user') ?? 'guest'
  await ctx.session!.regenerate()
  ctx.redirect('/')
}

async function addToCart(ctx: ShopContext) {
  const form = await formOf(ctx)
  const { cart = [] } = ctx.session!
  ctx.session!.cart = [...cart, form.get('item') ?? 'nothing']
  ctx.redirect('/')
}

function show(ctx: ShopContext) {
  const { userId = null, cart = [] } = ctx.session!
  ctx.body = { user: userId, cart }
}

function logOut(ctx: ShopContext) {
  ctx.session = null
  ctx.redirect('/')
}

const routes: Readonly<Record<string, (ctx: ShopContext) => void | Promise<void>>> = {
  'GET /': show,
  'POST /login': logIn,
  'POST /cart': addToCart,
  'POST /logout': logOut,
}

interface AppOptions extends KoaSessionStoreOptions {
  readonly secret?: string | undefined
  readonly store?: string | undefined
}

/** A shop of one page on koa-session. `adopt` is the store that it had before: its sessions go on. */
export function createApp({
  secret = process.env.SESSION_SECRET,
  store = process.env.SESSION_STORE,
  adopt,
}: AppOptions = {}) {
  const app = new Koa<Koa.DefaultState, { session: ShopSession | null }>()
  app.keys = [secret ?? '']
  // #region bridge
  const sessions = createSessions({ secret, store })
  app.use(session({ store: koaSessionStore(sessions, { adopt }), maxAge: 86_400_000 }, app))
  // #endregion bridge
  app.use((ctx) => routes[`${ctx.method} ${ctx.path}`]?.(ctx))
  return app
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  createApp().listen(3000, () => console.log('http://localhost:3000'))
}
