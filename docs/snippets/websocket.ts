import type { Server } from 'node:http'
import { createSessions } from '@holdfast/koa'
import { WebSocketServer } from 'ws'

const sessions = createSessions<{ userId: string; read: number }>({ secret: process.env.SESSION_SECRET })
declare const server: Server

// #region sockets
const sockets = new WebSocketServer({ noServer: true })

server.on('upgrade', async (req, socket, head) => {
  const session = await sessions.read(req).catch(() => undefined)
  if (!session?.userId) {
    socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n')
    return
  }
  sockets.handleUpgrade(req, socket, head, (client) => {
    client.on('message', () => {
      const counted = sessions.update(req, (current) => {
        current.read = (current.read ?? 0) + 1
      })
      counted.catch(() => client.close()) // logged out meanwhile, or the store is away
    })
  })
})
// #endregion sockets
