import { expect, test } from 'vitest'
import { CookieJar } from './cookie-jar.js'

function answered(...cookies: string[]): Response {
  const response = new Response()
  for (const cookie of cookies) response.headers.append('set-cookie', cookie)
  return response
}

test('a visitor sends back every cookie it was given, the newest value of each', () => {
  const jar = new CookieJar()
  expect(jar.header).toBe('')
  jar.store(answered('sid=one.a=b; Path=/; HttpOnly', 'SRV=A; Path=/'))
  jar.store(answered('sid=two; Path=/; Expires=Fri, 31 Dec 9999 23:59:59 GMT'))
  expect(jar.header).toBe('sid=two; SRV=A')
})

test('a cookie that the server takes away is gone', () => {
  const jar = new CookieJar()
  jar.store(answered('sid=one; Max-Age=60', 'SRV=A'))
  jar.store(answered('sid=; Path=/; Max-Age=0', 'SRV=; expires=Thu, 01 Jan 1970 00:00:00 GMT'))
  expect(jar.header).toBe('')
})

test('a new browser has no cookies', () => {
  const jar = new CookieJar()
  jar.store(answered('sid=one'))
  jar.clear()
  expect(jar.header).toBe('')
})
