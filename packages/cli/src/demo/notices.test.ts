import { expect, test } from 'vitest'
import { isBack, killed, obituary } from './notices.js'
import type { Login, VisitorState } from './state.js'

const visitor = (name: string, login: Login, server?: string): VisitorState => ({ name, address: '', login, server })
const visitors = [
  visitor('Mia', 'in', 'A'),
  visitor('Noah', 'out', 'A'),
  visitor('Olga', 'unknown', 'A'),
  visitor('Pia', 'in', 'B'),
]

test('an obituary names whose login went with the server', () => {
  expect(obituary('A', 'died', visitors, undefined)).toBe('Server A died. Gone with it: the logins of Mia and Olga.')
  expect(obituary('B', 'died', visitors, undefined)).toBe('Server B died. Gone with it: the login of Pia.')
  expect(obituary('C', 'died', visitors, undefined)).toBe('Server C died. Nobody had a login there.')
  expect(obituary('A', 'died', visitors, 'Redis')).toBe('Server A died. Nobody had a login there: Redis keeps them.')
})

test('the only session server takes all logins along, one of several only its copies', () => {
  expect(killed('Redis', 7, false)).toMatch(/It kept the logins in its memory only: all of them are gone\.$/)
  expect(killed('Redis 1', 7, true)).toMatch(/Its copies are gone; the others have theirs\.$/)
  expect(killed('Redis 1', 7, false)).toMatch(/Its copies are gone\.$/)
  expect(isBack('Redis', false)).toMatch(/everybody has to sign in again\.$/)
  expect(isBack('Memcached 2', true)).toMatch(/A login is copied to it when it is used\.$/)
})
