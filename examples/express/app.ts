import { fileURLToPath } from 'node:url'
import { createSessions } from '@holdfast/express'
import express from 'express'

interface ShopSession {
  userId: string
  cart: string[]
}

/** A shop of three pages: log in, put things into a cart, log out. */
export function createApp(secret = process.env.SESSION_SECRET) {
  // #region app
  const sessions = createSessions<ShopSession>({ secret, store: process.env.SESSION_STORE })
  const app = express().use(sessions)
  // #endregion app
  app.use(express.urlencoded({ extended: false }))

  // #region login
  app.post('/login', (req, res) => {
    // Check the password here.
    const session = sessions.of(req)
    session.rotate()
    session.userId = req.body.user
    res.redirect('/')
  })
  // #endregion login

  // #region use
  app.post('/cart', (req, res) => {
    const session = sessions.of(req)
    session.cart = [...(session.cart ?? []), req.body.item]
    res.redirect('/')
  })

  app.get('/', (req, res) => {
    const { userId, cart } = sessions.of(req)
    res.json({ user: userId ?? null, cart: cart ?? [] })
  })
  // #endregion use

  // #region logout
  app.post('/logout', async (req, res) => {
    await sessions.of(req).destroy()
    res.redirect('/')
  })
  // #endregion logout
  return app
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  createApp().listen(3000, () => console.log('http://localhost:3000'))
}
