import { expect, test } from 'vitest'
import { serve } from '../browser.js'
import { createApp } from './app.js'

const secret = 'a secret for this test, 32 bytes or more'
const ada = { username: 'ada', password: 'enchantress' }

test('after the login a member is in the room that was wanted before it', async () => {
  const open = await serve(createApp(secret))
  const browser = open()

  expect(await browser.get('/room')).toEqual({ errors: [] })
  const before = browser.cookies.get('sid')
  expect(await browser.post('/login', ada)).toEqual({ name: 'ada' })
  expect(browser.cookies.get('sid')).not.toBe(before)
})

test('a wrong password is told once', async () => {
  const open = await serve(createApp(secret))
  const browser = open()

  expect(await browser.post('/login', { ...ada, password: 'wrong' })).toEqual({ errors: ['Wrong name or password.'] })
  expect(await browser.get('/login')).toEqual({ errors: [] })
  expect(await browser.get('/')).toEqual({ in: false })
})

test('after the logout the room is closed', async () => {
  const open = await serve(createApp(secret))
  const browser = open()

  await browser.post('/login', ada)
  expect(await browser.get('/room')).toEqual({ name: 'ada' })
  expect(await browser.post('/logout')).toEqual({ in: false })
  expect(await browser.get('/room')).toEqual({ errors: [] })
})

test('a cookie that was copied before the logout is worth nothing after it', async () => {
  const open = await serve(createApp(secret))
  const [browser, thief] = [open(), open()]

  await browser.post('/login', ada)
  for (const [name, value] of browser.cookies) thief.cookies.set(name, value)
  expect(await thief.get('/room')).toEqual({ name: 'ada' })

  await browser.post('/logout')
  expect(await thief.get('/room')).toEqual({ errors: [] })
})
