import { expect, test } from 'vitest'
import { serve } from '../browser.js'
import { createApp } from './app.js'

const secret = 'a secret for this test, 32 bytes or more'

test('a visitor logs in, fills the cart and logs out', async () => {
  const open = await serve(createApp(secret).callback())
  const ada = open()

  expect(await ada.post('/login', { user: 'ada' })).toEqual({ user: 'ada', cart: [] })
  expect(await ada.post('/cart', { item: 'kelp' })).toEqual({ user: 'ada', cart: ['kelp'] })
  expect(await ada.post('/cart', { item: 'rope' })).toEqual({ user: 'ada', cart: ['kelp', 'rope'] })
  expect(await ada.post('/logout')).toEqual({ user: null, cart: [] })
})

test('the cart from before the login is still there after it, under another cookie', async () => {
  const open = await serve(createApp(secret).callback())
  const ada = open()

  await ada.post('/cart', { item: 'kelp' })
  const before = ada.cookies.get('sid')
  expect(await ada.post('/login', { user: 'ada' })).toEqual({ user: 'ada', cart: ['kelp'] })
  expect(ada.cookies.get('sid')).not.toBe(before)
})

test('a cookie that was copied before the logout is worth nothing after it', async () => {
  const open = await serve(createApp(secret).callback())
  const [ada, thief] = [open(), open()]

  await ada.post('/login', { user: 'ada' })
  for (const [name, value] of ada.cookies) thief.cookies.set(name, value)
  expect(await thief.get('/')).toEqual({ user: 'ada', cart: [] })

  await ada.post('/logout')
  expect(await thief.get('/')).toEqual({ user: null, cart: [] })
})

test('visitors do not see each other', async () => {
  const open = await serve(createApp(secret).callback())
  const [ada, bob] = [open(), open()]

  await ada.post('/login', { user: 'ada' })
  expect(await bob.get('/')).toEqual({ user: null, cart: [] })
  expect(bob.cookies.size).toBe(0)
})
