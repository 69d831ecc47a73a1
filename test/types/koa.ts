import { createSessions, type SessionContext } from '@holdfast/koa'
import Koa from 'koa'
import { assertNot, assertType, type IsAny } from './is-any.js'

interface Shop {
  userId: string
  cart: string[]
}

const sessions = createSessions<Shop>({ secret: process.env['SESSION_SECRET'], store: process.env['SESSION_STORE'] })

// Chained: ctx.session is typed from there on.
new Koa().use(sessions).use(async (ctx, next) => {
  assertNot<IsAny<typeof ctx.session>>()
  const userId: string | undefined = ctx.session.userId
  // @ts-expect-error a text is no number
  const wrong: number = ctx.session.userId
  ctx.session.userId = 'u1'
  // @ts-expect-error the cart is a list
  ctx.session.cart = 'apple'
  ctx.session = null
  // @ts-expect-error not the type of the field
  ctx.session = { userId: 1 }
  ctx.session.rotate()
  await ctx.session.save()
  await next()
  return [userId, wrong]
})

// Declared once for the whole app: typed in every statement.
const declared = new Koa<Koa.DefaultState, SessionContext<Shop>>()
declared.use(sessions)
declared.use((ctx) => {
  assertNot<IsAny<typeof ctx.session>>()
  const cart: string[] | undefined = ctx.session.cart
  return cart
})

// Separate statements over a plain app: ask sessions.of, which is typed everywhere.
const plain = new Koa()
plain.use(sessions)
plain.use((ctx) => {
  const session = sessions.of(ctx)
  assertNot<IsAny<typeof session>>()
  assertType<typeof session extends { readonly id: string; userId?: string } ? true : false>()
  // @ts-expect-error there is no such field
  void session.nope
  // @ts-expect-error members are read-only
  session.id = 'x'
  return sessions.of(ctx.req).userId
})

// @ts-expect-error a Date does not survive JSON
createSessions<{ at: Date }>({ secret: 'x' })
