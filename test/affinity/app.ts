import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RanksNodes, Session, SessionOptions, SessionStore } from '@holdfast/core'
import { createSessions as expressSessions } from '@holdfast/express'
import { createSessions as koaSessions } from '@holdfast/koa'
import { redisStore } from '@holdfast/redis'
import express from 'express'
import { Redis } from 'ioredis'
import Koa from 'koa'
import type { NodeSettings, Said } from './node.js'

/** An app server of the tests of balancers, on Express or on Koa: it says who it is and what it knows of the visitor. */
const settings = JSON.parse(process.env['APP_SETTINGS'] as string) as NodeSettings

interface Data {
  user: string
  visits: number
  orders: number
}

/** Of a ranking store: which nodes it thinks are away. */
const away = new Set<string>()
let ordersHere = 0
/** Requests that are held back. */
const waiting: (() => void)[] = []
const answerAll = (): void => waiting.splice(0).forEach((answer) => answer())

/** A store that all nodes share, and that ranks them by the first character of the key, without those that are away. */
function rankingStore(url: string): SessionStore & RanksNodes {
  const { nodes } = settings
  const nodesOf = (key: string): readonly string[] => {
    const at = key.charCodeAt(0) % nodes.length
    return [...nodes.slice(at), ...nodes.slice(0, at)].filter((node) => !away.has(node))
  }
  return Object.assign(redisStore({ client: new Redis(url) }), { nodesOf })
}

const options: SessionOptions<Data> = {
  secret: 'a secret of the tests of balancers, long enough',
  store: settings.redis === undefined ? 'memory:' : rankingStore(settings.redis),
  affinity: { node: settings.node },
  cookie: { secure: false },
}

/** Answers on a path without a session, or gives `undefined`. */
function control(url: URL): { readonly status: number; readonly body: unknown } | undefined {
  switch (url.pathname) {
    case '/health': {
      const health = sessions.health()
      return { status: health.ok ? 200 : 503, body: health }
    }
    case '/report':
      return { status: 200, body: { orders: ordersHere, waiting: waiting.length } }
    case '/answer':
      answerAll()
      return { status: 200, body: {} }
    case '/away':
      away.clear()
      for (const node of url.searchParams.getAll('node')) away.add(node)
      return { status: 200, body: [...away] }
    default:
      return undefined
  }
}

/** Answers with the session of the visitor, also after it was destroyed. */
async function serve(session: Session<Data>, req: IncomingMessage, url: URL): Promise<Said> {
  const { pathname, searchParams } = url
  if (pathname === '/login') session.user = searchParams.get('user') ?? ''
  if (pathname === '/logout') await session.destroy()
  if (pathname === '/visit') session.visits = (session.visits ?? 0) + 1
  if (pathname === '/order') {
    ordersHere++
    session.orders = (session.orders ?? 0) + 1
  }
  if (searchParams.has('wait')) await new Promise<void>((resolve) => waiting.push(resolve))
  return {
    node: settings.node,
    user: session.user ?? null,
    visits: session.visits ?? 0,
    from: String(req.headers['x-forwarded-for']),
    proto: String(req.headers['x-forwarded-proto']),
  }
}

const urlOf = (req: IncomingMessage): URL => new URL(req.url ?? '/', 'http://app')

function expressApp() {
  const mine = expressSessions<Data>(options)
  const app = express()
  app.use((req, res, next) => {
    const said = control(urlOf(req))
    if (said) res.status(said.status).json(said.body)
    else next()
  })
  app.use(mine)
  app.use(async (req, res) => {
    res.json(await serve(mine.of(req), req, urlOf(req)))
  })
  return { sessions: mine, listener: app }
}

function koaApp() {
  const mine = koaSessions<Data>(options)
  const app = new Koa()
  app.use(async (ctx, next) => {
    const said = control(urlOf(ctx.req))
    if (!said) return next()
    ctx.status = said.status
    ctx.body = said.body
  })
  app.use(mine).use(async (ctx) => {
    ctx.body = await serve(ctx.session, ctx.req, urlOf(ctx.req))
  })
  return { sessions: mine, listener: app.callback() }
}

const { sessions, listener } = settings.framework === 'Koa' ? koaApp() : expressApp()
const server = createServer(listener)
server.on('upgrade', (_req, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
  socket.pipe(socket)
})
server.listen(settings.port, '127.0.0.1')
await once(server, 'listening')
await sessions.ready()
console.log(`listening on ${(server.address() as AddressInfo).port}`)

process.once('SIGTERM', async () => {
  await sessions.drain()
  await sleep(settings.leaveMs)
  server.close(() => void sessions.close().then(() => process.exit()))
  setTimeout(answerAll, 200)
})
