import { createSessions, type SessionContext } from '@holdfast/koa'
import Koa from 'koa'

interface Shop {
  userId: string
  cart: string[]
}

// koa-session's types declare a `session` of their own on every context of Koa, and the two types add up: these lines
// hold only without them. `sessions.of(ctx)` is exact beside them too.

const sessions = createSessions<Shop>({ secret: process.env['SESSION_SECRET'] })

new Koa().use(sessions).use((ctx) => {
  // @ts-expect-error there is no such field
  void ctx.session.nope
  ctx.session = { userId: 'u2' }
})

new Koa<Koa.DefaultState, SessionContext<Shop>>().use(sessions).use((ctx) => {
  // @ts-expect-error there is no such field
  void ctx.session.nope
  ctx.session = { cart: [] }
})
