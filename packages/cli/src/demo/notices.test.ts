import { expect, test } from 'vitest'
import { isBack, killed, obituary, peerObituary, serverIsBack } from './notices.js'
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

test('of servers that keep logins together, one takes none along, two those that only they had', () => {
  expect(peerObituary('B', 'died', { running: ['A', 'C'], down: [] })).toBe(
    'Server B died. A or C has the other copy of each of its logins.',
  )
  expect(peerObituary('B', 'died', { running: ['C'], down: ['A'] })).toBe(
    'Server B died. C is left: gone are the logins of A and B that it had no copy of yet.',
  )
  expect(peerObituary('B', 'died', { running: [], down: ['A', 'C'] })).toBe(
    'Server B died. It was the last one: all logins are gone.',
  )
})

test('a server that is back says where its logins come from', () => {
  const others = { running: ['A', 'C'], down: [] }
  expect(serverIsBack('B', undefined, others)).toBe('Server B is back, with an empty memory.')
  expect(serverIsBack('B', 'Redis', others)).toBe('Server B is back, and asks Redis for the logins.')
  expect(serverIsBack('B', 'Peer', others)).toMatch(/A and C brought it its share of the logins/)
  expect(serverIsBack('B', 'Peer', { running: [], down: ['A', 'C'] })).toMatch(/with an empty memory\.$/)
})
