import type { Server } from 'node:http'
import { createSessions } from '@holdfast/koa'

const sessions = createSessions({ secret: process.env.SESSION_SECRET })
declare const server: Server

// #region stop
await sessions.ready() // optional: fails here, not in the first request

process.once('SIGTERM', async () => {
  await sessions.drain()
  server.close(() => sessions.close())
})
// #endregion stop
