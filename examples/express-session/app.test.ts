import express from 'express'
import session from 'express-session'
import { expect, test } from 'vitest'
import { serve } from '../browser.js'
import { createApp } from './app.js'

const secret = 'a secret for this test, 32 bytes or more'
const inMemory = () => createApp({ secret, store: 'memory:' })

test('a visitor logs in, fills the cart and logs out', async () => {
  const open = await serve(inMemory())
  const ada = open()

  await ada.post('/cart', { item: 'kelp' })
  const before = ada.cookies.get('connect.sid')
  expect(await ada.post('/login', { user: 'ada' })).toEqual({ user: 'ada', cart: ['kelp'] })
  expect(ada.cookies.get('connect.sid')).not.toBe(before)
  expect(await ada.post('/cart', { item: 'rope' })).toEqual({ user: 'ada', cart: ['kelp', 'rope'] })
  expect(await ada.post('/logout')).toEqual({ user: null, cart: [] })
})

test('a cookie that was copied before the logout is worth nothing after it', async () => {
  const open = await serve(inMemory())
  const [ada, thief] = [open(), open()]

  await ada.post('/login', { user: 'ada' })
  for (const [name, value] of ada.cookies) thief.cookies.set(name, value)
  expect(await thief.get('/')).toEqual({ user: 'ada', cart: [] })

  await ada.post('/logout')
  expect(await thief.get('/')).toEqual({ user: null, cart: [] })
})

test('a session of the store that was there before goes on', async () => {
  const before = new session.MemoryStore()
  const oldApp = express().use(session({ store: before, secret, resave: false, saveUninitialized: false }))
  oldApp.get('/', (req, res) => void res.json(Object.assign(req.session, { userId: 'ada', cart: ['kelp'] })))
  const visitor = (await serve(oldApp))()
  await visitor.get('/')

  const open = await serve(createApp({ secret, store: 'memory:', adopt: before }))
  const ada = open()
  for (const [name, value] of visitor.cookies) ada.cookies.set(name, value)
  expect(await ada.get('/')).toEqual({ user: 'ada', cart: ['kelp'] })
  expect(await ada.post('/logout')).toEqual({ user: null, cart: [] })
  expect(await new Promise((resolve) => before.length((_, left) => resolve(left)))).toBe(0)
})
