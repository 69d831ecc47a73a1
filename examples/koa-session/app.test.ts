import Koa from 'koa'
import session from 'koa-session'
import { expect, test } from 'vitest'
import { serve } from '../browser.js'
import { createApp } from './app.js'

const secret = 'a secret for this test, 32 bytes or more'
const inMemory = () => createApp({ secret, store: 'memory:' }).callback()

test('a visitor logs in, fills the cart and logs out', async () => {
  const open = await serve(inMemory())
  const ada = open()

  await ada.post('/cart', { item: 'kelp' })
  const before = ada.cookies.get('koa.sess')
  expect(await ada.post('/login', { user: 'ada' })).toEqual({ user: 'ada', cart: ['kelp'] })
  expect(ada.cookies.get('koa.sess')).not.toBe(before)
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
  const stored = new Map<string, unknown>()
  const before = {
    get: async (key: string) => stored.get(key),
    set: async (key: string, data: unknown) => void stored.set(key, data),
    destroy: async (key: string) => void stored.delete(key),
  }
  const oldApp = new Koa<Koa.DefaultState, { session: object }>()
  oldApp.keys = [secret]
  oldApp.use(session({ store: before }, oldApp))
  oldApp.use((ctx) => {
    ctx.body = Object.assign(ctx.session, { userId: 'ada', cart: ['kelp'] })
  })
  const visitor = (await serve(oldApp.callback()))()
  await visitor.get('/')

  const open = await serve(createApp({ secret, store: 'memory:', adopt: before }).callback())
  const ada = open()
  for (const [name, value] of visitor.cookies) ada.cookies.set(name, value)
  expect(await ada.get('/')).toEqual({ user: 'ada', cart: ['kelp'] })
  expect(await ada.post('/logout')).toEqual({ user: null, cart: [] })
  expect(stored.size).toBe(0)
})
