import { type AdoptedKoaStore, createSessions, koaSessionStore } from '@holdfast/koa'
import Koa from 'koa'
import session from 'koa-session'

declare const storeBefore: AdoptedKoaStore
const app = new Koa()
const { SESSION_SECRET: secret, SESSION_STORE } = process.env

// #region adopt
const sessions = createSessions({ secret, store: SESSION_STORE })
const store = koaSessionStore(sessions, { adopt: storeBefore })
app.use(session({ store, maxAge: 86_400_000 }, app))
// #endregion adopt

// #region tenants
const shop = koaSessionStore(createSessions({ secret, store: 'redis://10.0.0.9' }))
const blog = koaSessionStore(createSessions({ secret, store: 'redis://10.0.0.10' }))

class TenantStore {
  readonly #store
  constructor(ctx: Koa.Context) {
    this.#store = ctx.hostname === 'shop.example' ? shop : blog
  }
  get(...call: Parameters<typeof shop.get>) {
    return this.#store.get(...call)
  }
  set(...call: Parameters<typeof shop.set>) {
    return this.#store.set(...call)
  }
  destroy(...call: Parameters<typeof shop.destroy>) {
    return this.#store.destroy(...call)
  }
}
app.use(session({ ContextStore: TenantStore }, app))
// #endregion tenants
