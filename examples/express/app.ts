import { fileURLToPath } from 'node:url'
import { createSessions } from '@holdfast/express'
import express from 'express'

interface ShopSession {
  userId: string
  cart: string[]
}

/** A shop of one page: log in, put things into a cart, log out. */
export function createApp(secret = process.env.SESSION_SECRET, store = process.env.SESSION_STORE) {
  const sessions = createSessions<ShopSession>({ secret, store })
  const app = express().use(sessions)
  app.use(express.urlencoded({ extended: false }))

  // #region routes
  app.post('/login', (req, res) => {
    const session = sessions.of(req)
    // Check the password here.
    session.rotate()
    session.userId = req.body.user
    res.redirect('/')
  })

  app.post('/cart', (req, res) => {
    const session = sessions.of(req)
    const { cart = [] } = session
    session.cart = [...cart, req.body.item]
    res.redirect('/')
  })

  app.get('/', (req, res) => {
    const { userId = null, cart = [] } = sessions.of(req)
    res.json({ user: userId, cart })
  })

  app.post('/logout', async (req, res) => {
    await sessions.of(req).destroy()
    res.redirect('/')
  })
  // #endregion routes
  return app
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  createApp().listen(3000, () => console.log('http://localhost:3000'))
}
