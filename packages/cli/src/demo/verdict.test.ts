import { describe, expect, test } from 'vitest'
import type { RequestState, Score, ServerState, SessionServersState, SessionServerState } from './state.js'
import { judge, type Situation } from './verdict.js'

function server(status: ServerState['status']): ServerState {
  return {
    name: 'A',
    framework: 'Koa',
    status,
    pid: undefined,
    port: undefined,
    answered: 0,
    share: 0,
    phase: undefined,
  }
}
const running = [server('running'), server('running')]
const oneDown = [server('running'), server('stopped')]
const redis = (...states: SessionServerState['status'][]): SessionServersState => ({
  kind: 'Redis',
  spare: states.length - 1,
  holds: '',
  config: [],
  servers: states.map((status, i) => ({ name: `Redis ${i + 1}`, status, pid: 1, address: 'host:1' })),
})
const request = (result: RequestState['result'], by?: string): RequestState => ({
  id: 1,
  visitor: 'Mia',
  server: by,
  result,
  tookMs: 2.2,
})

const said = (score: Partial<Score>, situation: Partial<Situation> = {}): string => {
  const { tone, headline, line } = judge({
    score: { kept: 0, lost: 0, failed: 0, keptInARow: 0, ...score },
    servers: running,
    sessionServers: undefined,
    newest: undefined,
    waiting: 0,
    ...situation,
  })
  return `${tone}: ${headline} ${line}`
}

test('says at one glance what happens to the logins', () => {
  expect(said({})).toBe('good: Everybody is signed in. Each login lives in the memory of one server.')
  expect(said({ kept: 9, keptInARow: 9 })).toBe(
    'good: Every login holds. All 9 page views found their visitor signed in. Now kill a server.',
  )
  expect(said({ kept: 6, lost: 4, keptInARow: 1 })).toBe(
    'bad: Logins keep dropping. 4 of 10 page views found the visitor signed out: the server that answered did not have the login. Choose another way below.',
  )
  expect(said({ kept: 30, lost: 1 }, { servers: oneDown })).toMatch(/^bad: 1 login lost\. 1 of 31 page views/)
  expect(said({ kept: 30, lost: 2, keptInARow: 12 })).toBe(
    'good: The logins hold again. The last 12 page views found their visitor signed in. 2 logins had been lost before.',
  )
})

test('does not ask for a second victim while a server is down', () => {
  expect(said({ kept: 1, keptInARow: 1 }, { servers: oneDown })).toBe(
    'good: Every login holds. The first page view found its visitor signed in.',
  )
})

test('praises nobody while no server runs', () => {
  expect(said({ kept: 9, keptInARow: 9 }, { servers: [server('stopped'), server('starting')] })).toMatch(
    /^bad: The shop is closed\./,
  )
})

describe('with a session server', () => {
  test('praise names the next thing to try, which is not the Redis of somebody else', () => {
    expect(said({}, { sessionServers: redis('running') })).toBe(
      'good: Everybody is signed in. All servers share the logins in Redis.',
    )
    const score = { kept: 9, keptInARow: 9 }
    expect(said(score, { sessionServers: redis('running') })).toMatch(/Now kill a server, or freeze Redis\.$/)
    expect(said(score, { sessionServers: redis('given') })).toMatch(/Now kill a server\.$/)
  })

  test('an outage is an outage and not a lost login, whatever the score', () => {
    const score = { kept: 30, failed: 3, keptInARow: 30 }
    expect(said(score, { sessionServers: redis('frozen'), newest: request('failed', 'A') })).toBe(
      'bad: Redis is frozen. Visitors get a 503 until it goes on. No login is lost for it. The last 503 came after 3 ms.',
    )
    expect(said(score, { sessionServers: redis('stopped'), newest: request('kept', 'A') })).toBe(
      'bad: Redis is down. Visitors get a 503 until it is back, and have to sign in again then.',
    )
    expect(said(score, { sessionServers: redis('given'), newest: request('failed', 'A') })).toBe(
      'bad: Redis is out of reach. Visitors get a 503, and nobody is signed out for it. The last 503 came after 3 ms.',
    )
  })

  test('a 503 of the balancer says nothing of Redis', () => {
    const newest = request('failed')
    expect(said({ kept: 1 }, { sessionServers: redis('running'), newest })).toMatch(/^good/)
  })

  test('praise after an outage does not hide it', () => {
    expect(said({ kept: 40, failed: 12, keptInARow: 40 }, { servers: oneDown, sessionServers: redis('running') })).toBe(
      'good: Every login holds. All 40 page views found their visitor signed in. 12 requests had got a 503.',
    )
  })

  test('logins that went with Redis are lost, and no other way is advised', () => {
    expect(said({ kept: 6, lost: 4 }, { sessionServers: redis('running') })).toBe(
      'bad: 4 logins lost. 4 of 10 page views found the visitor signed out: Redis did not have the login any more.',
    )
  })

  test('one of two that is away is praised, both are an outage', () => {
    const score = { kept: 9, keptInARow: 9 }
    expect(said(score, { sessionServers: redis('running', 'running') })).toMatch(/Now kill a server, or one Redis\.$/)
    expect(said(score, { sessionServers: redis('frozen', 'running') })).toMatch(/And that while Redis 1 is frozen\.$/)
    expect(said(score, { sessionServers: redis('running', 'stopped') })).toMatch(/And that while Redis 2 is down\.$/)
    expect(said(score, { sessionServers: redis('frozen', 'stopped') })).toMatch(/^bad: All Redis servers are away\./)
  })

  test('while it starts nobody is told to restart a server', () => {
    const servers = [server('stopped'), server('stopped')]
    expect(said({}, { servers, sessionServers: redis('running', 'starting') })).toBe(
      'good: Redis is starting. The shop opens when it is there.',
    )
  })

  test('a grid of which one member is left refuses everybody', () => {
    const grid = (...states: SessionServerState['status'][]): SessionServersState => ({
      ...redis(...states),
      kind: 'Hazelcast',
      spare: 1,
    })
    expect(said({ kept: 9 }, { sessionServers: grid('running', 'running', 'running') })).toMatch(
      /Now kill a server, or a member of the grid\.$/,
    )
    expect(said({ kept: 9 }, { sessionServers: grid('stopped', 'running', 'frozen') })).toBe(
      'bad: Too few Hazelcast servers are left. Visitors get a 503 until one is back.',
    )
  })
})

describe('between the app servers', () => {
  const peers: SessionServersState = { kind: 'Peer', spare: 1, holds: '', config: [], servers: [] }
  const fleet = (...down: readonly string[]): readonly ServerState[] =>
    ['A', 'B', 'C'].map((name) => ({ ...server(down.includes(name) ? 'stopped' : 'running'), name }))
  const among = (score: Partial<Score>, down: readonly string[], waiting = 0): string =>
    said(score, { servers: fleet(...down), sessionServers: peers, waiting })

  test('praise says who is missing, and asks for a victim while nobody is', () => {
    expect(among({}, [])).toBe(
      'good: Everybody is signed in. Each login lives in the memory of two servers, a primary and a backup.',
    )
    expect(among({ kept: 9 }, [])).toMatch(/signed in\. Now kill a server\.$/)
    expect(among({ kept: 9 }, ['B'])).toMatch(/signed in\. And that without server B\.$/)
    expect(among({ kept: 9 }, ['A', 'B'])).toMatch(/signed in\. Server C alone keeps them now\.$/)
  })

  test('logins that two servers took along are out of reach at first, and lost when these are back', () => {
    expect(among({ kept: 9, failed: 3, keptInARow: 9 }, ['A', 'B'], 2)).toBe(
      'bad: 2 logins out of reach. The servers that are left cannot vouch for A and B. Their visitors get a 503 until those are back, and a new sign-in if nobody else had a copy.',
    )
    expect(among({ kept: 9, lost: 2 }, [])).toBe(
      'bad: 2 logins lost. 2 of 11 page views found the visitor signed out: no server had the login any more.',
    )
  })

  test('a 503 while all or all but one are there passes by itself', () => {
    expect(among({ kept: 9, failed: 1 }, ['B'], 1)).toBe(
      'bad: 1 login out of reach. Its visitor gets a 503 until the servers have found each other.',
    )
  })

  test('nobody is left: the shop is closed', () => {
    expect(among({ kept: 9 }, ['A', 'B', 'C'], 6)).toMatch(/^bad: The shop is closed\./)
  })
})
