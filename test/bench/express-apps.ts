import { createSessions } from '@holdfast/express'
import express from 'express'
import session from 'express-session'
import { SECRET, type App, type Data } from './app.js'

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

/** With its MemoryStore, and the options with which it works least. */
const expressSession: App = (fixture) => {
  const of = (req: express.Request): Data => req.session as unknown as Data
  return express()
    .use(session({ secret: SECRET, resave: false, saveUninitialized: false }))
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

const holdfast: App = (fixture) => {
  const sessions = createSessions<Data>({ secret: SECRET, store: 'memory:', cookie: { secure: false } })
  return express()
    .use(sessions)
    .get('/login', (req, res) => {
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

export const expressApps = { bare, jsonOnce, library: expressSession, holdfast }
