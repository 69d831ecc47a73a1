import { fileURLToPath } from 'node:url'
import { createSessions, expressSessionStore, type ExpressSessionStoreOptions } from '@holdfast/express'
import express from 'express'
import session from 'express-session'

declare module 'express-session' {
  interface SessionData {
    userId?: string
    cart?: string[]
  }
}

interface AppOptions extends ExpressSessionStoreOptions {
  readonly secret?: string | undefined
  readonly store?: string | undefined
}

/** A shop of one page on express-session. `adopt` is the store that it had before: its sessions go on. */
export function createApp({
  secret = process.env.SESSION_SECRET ?? '',
  store = process.env.SESSION_STORE,
  adopt,
}: AppOptions = {}) {
  const app = express()
  const options = { secret, resave: false, saveUninitialized: false, cookie: { maxAge: 86_400_000 } }
  // #region bridge
  const sessions = createSessions({ secret, store })
  app.use(session({ ...options, store: expressSessionStore(sessions, { adopt }) }))
  // #endregion bridge

  // What a team had before: from here on nothing knows of Holdfast.
  app.use(express.urlencoded({ extended: false }))

  app.post('/login', (req, res, next) => {
    const { cart = [] } = req.session
    // Check the password here.
    req.session.regenerate((failed) => {
      if (failed) return next(failed)
      Object.assign(req.session, { userId: req.body.user, cart })
      req.session.save((error) => (error ? next(error) : res.redirect('/')))
    })
  })

  app.post('/cart', (req, res, next) => {
    const { cart = [] } = req.session
    req.session.cart = [...cart, req.body.item]
    req.session.save((error) => (error ? next(error) : res.redirect('/')))
  })

  app.get('/', (req, res) => {
    const { userId = null, cart = [] } = req.session
    res.json({ user: userId, cart })
  })

  app.post('/logout', (req, res, next) => {
    req.session.destroy((error) => (error ? next(error) : res.redirect('/')))
  })
  return app
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  createApp().listen(3000, () => console.log('http://localhost:3000'))
}
