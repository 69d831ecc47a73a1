import { fileURLToPath } from 'node:url'
import { createSessions } from '@holdfast/express'
import flash from 'connect-flash'
import express from 'express'
import passport from 'passport'
import { Strategy } from 'passport-local'

interface ClubSession {
  /** Where a visitor wanted to go before the login page; passport keeps it with `keepSessionInfo`. */
  wanted: string
}

const passwords = new Map([['ada', 'enchantress']])

/** A club with one room: passport logs members in, connect-flash tells them what went wrong. */
export function createApp(secret = process.env.SESSION_SECRET, store = process.env.SESSION_STORE) {
  const auth = new passport.Passport()
  auth.use(
    new Strategy((name, password, done) => {
      if (passwords.get(name) === password) done(null, { name })
      else done(null, false, { message: 'Wrong name or password.' })
    }),
  )
  auth.serializeUser((user, done) => done(null, (user as { name: string }).name))
  auth.deserializeUser((name: string, done) => done(null, passwords.has(name) && { name }))

  // #region app
  const sessions = createSessions<ClubSession>({ secret, store })
  const app = express()
  app.use(sessions, flash(), auth.session())
  // #endregion app
  app.use(express.urlencoded({ extended: false }))

  // #region login
  const options = { keepSessionInfo: true, failureRedirect: '/login', failureFlash: true }
  app.post(
    '/login',
    auth.authenticate('local', options),
    sessions.handler((req, res) => {
      const { wanted = '/' } = req.session
      delete req.session.wanted
      res.redirect(wanted)
    }),
  )
  // #endregion login

  app.get('/login', (req, res) => {
    res.json({ errors: req.flash('error') })
  })

  app.get('/room', (req, res) => {
    if (req.user) {
      res.json(req.user)
      return
    }
    sessions.of(req).wanted = req.originalUrl
    res.redirect('/login')
  })

  // #region logout
  app.post('/logout', (req, res, next) => {
    req.logout((error) => {
      if (error) next(error)
      else res.redirect('/')
    })
  })
  // #endregion logout

  app.get('/', (req, res) => {
    res.json({ in: req.isAuthenticated() })
  })
  return app
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  createApp().listen(3000, () => console.log('http://localhost:3000'))
}
