import { expect, test } from 'vitest'
import { obituary } from './notices.js'
import type { Login, VisitorState } from './state.js'

const visitor = (name: string, login: Login, server?: string): VisitorState => ({ name, address: '', login, server })
const visitors = [
  visitor('Mia', 'in', 'A'),
  visitor('Noah', 'out', 'A'),
  visitor('Olga', 'unknown', 'A'),
  visitor('Pia', 'in', 'B'),
]

test('an obituary names whose login went with the server', () => {
  expect(obituary('A', 'died', visitors, false)).toBe('Server A died. Gone with it: the logins of Mia and Olga.')
  expect(obituary('B', 'died', visitors, false)).toBe('Server B died. Gone with it: the login of Pia.')
  expect(obituary('C', 'died', visitors, false)).toBe('Server C died. Nobody had a login there.')
  expect(obituary('A', 'died', visitors, true)).toBe('Server A died. Nobody had a login there: Redis keeps them.')
})
