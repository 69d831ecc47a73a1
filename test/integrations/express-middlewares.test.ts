import { createSessions } from '@holdfast/express'
import { memoryStore } from '@holdfast/memory'
import flash from 'connect-flash'
import { csrfSync } from 'csrf-sync'
import express5 from 'express'
import express4 from 'express4'
import passport from 'passport'
import { Strategy } from 'passport-local'
import { describe, expect, test } from 'vitest'
import { serve } from '../../examples/browser.js'
import { SECRET } from '../guarantees/site.js'

describe.each([
  ['Express 4', express4 as unknown as typeof express5],
  ['Express 5', express5],
])('on %s', (_, express) => {
  interface Shop {
    cart: string[]
    csrfToken: string
  }

  function shop(keepSessionInfo: boolean) {
    const auth = new passport.Passport()
    auth.use(
      new Strategy((name, password, done) =>
        password === 'right' ? done(null, { name }) : done(null, false, { message: 'Wrong password.' }),
      ),
    )
    auth.serializeUser((user, done) => done(null, (user as { name: string }).name))
    auth.deserializeUser((name: string, done) => done(null, { name }))
    const sessions = createSessions<Shop>({ secret: SECRET, store: memoryStore() })
    const app = express()
    app.use(sessions, flash(), auth.session(), express.json(), express.urlencoded({ extended: false }))
    app.post('/cart', (req, res) => {
      const session = sessions.of(req)
      session.cart = [...(session.cart ?? []), 'book']
      res.json(session.cart)
    })
    app.post(
      '/login',
      auth.authenticate('local', { keepSessionInfo, failureRedirect: '/flash', failureFlash: true }),
      (req, res) => {
        res.json({ user: req.user, cart: sessions.of(req).cart ?? [] })
      },
    )
    app.get('/flash', (req, res) => void res.json(req.flash('error')))
    app.get('/', (req, res) => void res.json({ user: req.user ?? null, cart: sessions.of(req).cart ?? [] }))
    app.post('/logout', (req, res, next) => {
      req.logout({ keepSessionInfo }, (error) => (error ? next(error) : res.redirect('/')))
    })
    return app
  }

  test('passport logs in and out, under a new id, and drops what the anonymous session held', async () => {
    const browser = (await serve(shop(false)))()
    await browser.post('/cart')
    const before = browser.cookies.get('sid')
    expect(await browser.post('/login', { username: 'ada', password: 'right' })).toEqual({
      user: { name: 'ada' },
      cart: [],
    })
    const loggedIn = browser.cookies.get('sid')
    expect(loggedIn).not.toBe(before)
    expect(await browser.get('/')).toEqual({ user: { name: 'ada' }, cart: [] })
    expect(await browser.post('/logout')).toEqual({ user: null, cart: [] })
    browser.cookies.set('sid', loggedIn as string)
    expect(await browser.get('/')).toEqual({ user: null, cart: [] })
  })

  test('with keepSessionInfo the cart is still there after login and logout', async () => {
    const browser = (await serve(shop(true)))()
    await browser.post('/cart')
    const before = browser.cookies.get('sid')
    expect(await browser.post('/login', { username: 'ada', password: 'right' })).toMatchObject({ cart: ['book'] })
    expect(browser.cookies.get('sid')).not.toBe(before)
    expect(await browser.post('/logout')).toEqual({ user: null, cart: ['book'] })
  })

  test('a flash message is there after the redirect, once', async () => {
    const browser = (await serve(shop(false)))()
    expect(await browser.post('/login', { username: 'ada', password: 'wrong' })).toEqual(['Wrong password.'])
    expect(await browser.get('/flash')).toEqual([])
  })

  test('csrf-sync keeps its token in the session', async () => {
    const csrf = csrfSync({ getTokenFromRequest: (req) => (req.body as { token?: string }).token })
    const sessions = createSessions<Shop>({ secret: SECRET, store: memoryStore() })
    const app = express()
    app.use(sessions, express.urlencoded({ extended: false }))
    app.get('/form', (req, res) => void res.json({ token: csrf.generateToken(req) }))
    app.post('/form', csrf.csrfSynchronisedProtection as never, (_req, res) => void res.json('accepted'))
    app.use(((error: { code?: string }, _req: unknown, res: express5.Response, next: () => void) => {
      void next
      res.status(403).json(error.code)
    }) as never)
    const open = await serve(app)
    const [browser, attacker] = [open(), open()]
    const { token } = (await browser.get('/form')) as { token: string }
    expect(await browser.post('/form', { token })).toBe('accepted')
    expect(await browser.post('/form', { token: 'forged' })).not.toBe('accepted')
    await attacker.get('/form')
    expect(await attacker.post('/form', { token })).not.toBe('accepted')
  })
})
