import { createSessions } from '@holdfast/express'
import { hazelcastStore } from '@holdfast/hazelcast'
import { peerStore, routeNameOf } from '@holdfast/peer'
import connectMemcached from 'connect-memcached'
import { RedisStore } from 'connect-redis'
import express from 'express'
import session from 'express-session'
import { Client } from 'hazelcast-client'
import { createClient } from 'redis'
import { NEAR_CACHE, SECRET, type App, type Data, type Fixture } from './app.js'
import { floor } from './floor.js'

/** No session at all. */
const bare: App = (fixture) =>
  express()
    .get('/read', (_req, res) => void res.json({ user: fixture.data.userId }))
    .get('/write', (_req, res) => void res.json({ visits: 1 }))

/** What nobody can save who keeps sessions as text: one JSON.parse and one JSON.stringify. */
const jsonOnce: App = (fixture) => {
  let text = JSON.stringify(fixture.data)
  return express()
    .get('/read', (_req, res) => {
      const data = JSON.parse(text) as Data
      text = JSON.stringify(data)
      res.json({ user: data.userId })
    })
    .get('/write', (_req, res) => {
      const data = JSON.parse(text) as Data
      data.visits = (data.visits ?? 0) + 1
      text = JSON.stringify(data)
      res.json({ visits: data.visits })
    })
}

/** express-session with the options with which it works least. */
function expressSession(fixture: Fixture, store?: session.Store): express.Express {
  const of = (req: express.Request): Data => req.session as unknown as Data
  return express()
    .use(session({ secret: SECRET, resave: false, saveUninitialized: false, ...(store && { store }) }))
    .get('/login', (req, res) => {
      Object.assign(of(req), fixture.data)
      res.json({ user: of(req).userId })
    })
    .get('/read', (req, res) => void res.json({ user: of(req).userId }))
    .get('/write', (req, res) => {
      of(req).visits = (of(req).visits ?? 0) + 1
      res.json({ visits: of(req).visits })
    })
}

const MemcachedStore = connectMemcached(session)

const connectRedis: App = (fixture, redisUrl = '') => {
  const client = createClient({ url: redisUrl }).on('error', () => {})
  void client.connect()
  return expressSession(fixture, new RedisStore({ client }))
}

const handMade: App = (fixture, redisUrl = '') => {
  const sessions = floor(redisUrl)
  return express()
    .get('/login', async (_req, res) => {
      res.setHeader('Set-Cookie', await sessions.create(fixture.data))
      res.json({ user: fixture.data.userId })
    })
    .get('/read', async (req, res) => {
      const mine = await sessions.load(req.headers.cookie)
      res.json({ user: mine?.data.userId })
    })
    .get('/write', async (req, res) => {
      const mine = await sessions.load(req.headers.cookie)
      if (!mine) return void res.sendStatus(401)
      mine.data.visits = (mine.data.visits ?? 0) + 1
      await sessions.save(mine.id, mine.data)
      res.json({ visits: mine.data.visits })
    })
}

type HoldfastStore = Pick<Parameters<typeof createSessions>[0], 'store' | 'failover' | 'nearCache'>

type HoldfastSessions = ReturnType<typeof createSessions<Data>>

function holdfast(
  fixture: Fixture,
  where: HoldfastStore,
  begin: (req: express.Request, sessions: HoldfastSessions) => Promise<void> | void = () => {},
): express.Express {
  const sessions = createSessions<Data>({ secret: SECRET, cookie: { secure: false }, ...where })
  return express()
    .use(sessions)
    .get('/login', async (req, res) => {
      await begin(req, sessions)
      Object.assign(sessions.of(req), fixture.data)
      res.json({ user: sessions.of(req).userId })
    })
    .get('/read', (req, res) => void res.json({ user: sessions.of(req).userId }))
    .get('/write', (req, res) => {
      const mine = sessions.of(req)
      mine.visits = (mine.visits ?? 0) + 1
      res.json({ visits: mine.visits })
    })
}

/** With the near cache that the client of Hazelcast has: it is told of changes, and keeps no more than ours. */
const clientNearCache: App = (fixture, url = '') => {
  const { host, pathname, searchParams } = new URL(url.replace(/,[^/]*/, '').replace('hazelcast:', 'http:'))
  const map = pathname.slice(1)
  const opening = Client.newHazelcastClient({
    clusterName: searchParams.get('cluster') ?? 'dev',
    network: { clusterMembers: [host] },
    nearCaches: { [map]: { evictionMaxSize: 10_000 } },
    properties: {
      'hazelcast.client.operation.fail.on.indeterminate.state': true,
      'hazelcast.client.autopipelining.enabled': false,
      'hazelcast.logging.level': 'OFF',
    },
  })
  const app = opening.then((client) => holdfast(fixture, { store: hazelcastStore({ client, map }) }))
  return (req, res) => void app.then((listener) => listener(req, res))
}

/** Nodes by their names. Each login becomes a session for which the app's own node is the first, or the last, in rank. */
const amongPeers =
  (place: 0 | -1): App =>
  (fixture, self = '', ...peers) => {
    const store = peerStore({ self, peers, secret: SECRET })
    return holdfast(fixture, { store }, async (req, sessions) => {
      const isThere = (): boolean => store.nodesOf(sessions.of(req).id).at(place) === routeNameOf(self)
      while (!isThere()) await sessions.of(req).regenerate()
    })
  }

const withoutScheme = (url: string): string => url.replace(/^\w+:\/\//, '')

/** One server, or each session on two of several. */
const memcachedUrl = (urls: readonly string[]): string =>
  `memcached://${urls.map(withoutScheme).join(',')}${urls.length > 1 ? '?copies=2' : ''}`

export const expressApps = {
  bare,
  jsonOnce,
  library: (fixture) => expressSession(fixture),
  holdfast: (fixture) => holdfast(fixture, { store: 'memory:' }),
  floor: handMade,
  libraryOnRedis: connectRedis,
  holdfastOnRedis: (fixture, store = '') => holdfast(fixture, { store }),
  nearCache: (fixture, store = '') => holdfast(fixture, { store, nearCache: NEAR_CACHE }),
  holdfastOnHazelcast: (fixture, store = '') => holdfast(fixture, { store }),
  nearHazelcast: (fixture, store = '') => holdfast(fixture, { store, nearCache: NEAR_CACHE }),
  clientNearHazelcast: clientNearCache,
  failover: (fixture, store = '', failover) => holdfast(fixture, { store, failover }),
  firstAmongPeers: amongPeers(0),
  lastAmongPeers: amongPeers(-1),
  libraryOnMemcached: (fixture, ...urls) =>
    expressSession(fixture, new MemcachedStore({ hosts: urls.map(withoutScheme) })),
  holdfastOnMemcached: (fixture, ...urls) => holdfast(fixture, { store: memcachedUrl(urls) }),
} satisfies Record<string, App>
