import { expect, test } from 'vitest'
import type { Score, ServerState } from './state.js'
import { judge } from './verdict.js'

function server(status: ServerState['status']): ServerState {
  return { name: 'A', framework: 'Koa', status, pid: undefined, port: undefined, answered: 0, share: 0 }
}
const running = [server('running'), server('running')]
const oneDown = [server('running'), server('stopped')]
const said = (score: Score, servers: readonly ServerState[] = running): string => {
  const { tone, headline, line } = judge({ score }, servers)
  return `${tone}: ${headline} ${line}`
}

test('says at one glance what happens to the logins', () => {
  expect(said({ kept: 0, lost: 0, keptInARow: 0 })).toMatch(/^good: Everybody is signed in\./)
  expect(said({ kept: 9, lost: 0, keptInARow: 9 })).toBe(
    'good: Every login holds. All 9 page views found their visitor signed in. Now kill a server.',
  )
  expect(said({ kept: 6, lost: 4, keptInARow: 1 })).toBe(
    'bad: Logins keep dropping. 4 of 10 page views found the visitor signed out: the server that answered did not have the login. Choose another way below.',
  )
  expect(said({ kept: 30, lost: 1, keptInARow: 0 }, oneDown)).toMatch(/^bad: 1 login lost\. 1 of 31 page views/)
  expect(said({ kept: 30, lost: 2, keptInARow: 12 })).toBe(
    'good: The logins hold again. The last 12 page views found their visitor signed in. 2 logins had been lost before.',
  )
})

test('does not ask for a second victim while a server is down', () => {
  expect(said({ kept: 1, lost: 0, keptInARow: 1 }, oneDown)).toBe(
    'good: Every login holds. The first page view found its visitor signed in.',
  )
})

test('praises nobody while no server runs', () => {
  expect(said({ kept: 9, lost: 0, keptInARow: 9 }, [server('stopped'), server('starting')])).toMatch(
    /^bad: The shop is closed\./,
  )
})
