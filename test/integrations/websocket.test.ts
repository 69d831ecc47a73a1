import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSessions } from '@holdfast/express'
import { memoryStore } from '@holdfast/memory'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { SECRET } from '../guarantees/site.js'

interface Chat {
  userId: string
  sent: number
}

/** A chat whose server counts each message in the session of the upgrade request. */
async function chat() {
  const sessions = createSessions<Chat>({ secret: SECRET, store: memoryStore() })
  const server = createServer((_req, res) => res.end())
  const sockets = new WebSocketServer({ noServer: true })
  const enter = async (req: IncomingMessage, socket: WebSocket) => {
    const session = await sessions.read(req)
    socket.send(session?.userId ?? 'nobody')
    socket.on('message', () => {
      sessions
        .update(req, (current) => (current.sent = (current.sent ?? 0) + 1))
        .then(
          (sent) => socket.send(String(sent)),
          (error: { code: string }) => socket.close(4401, error.code),
        )
    })
  }
  server.on('upgrade', (req, socket, head) => sockets.handleUpgrade(req, socket, head, (ws) => void enter(req, ws)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const client of sockets.clients) client.terminate()
    server.close()
    await sessions.close()
  })
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { sessions, open: (cookie?: string) => new WebSocket(url, { headers: cookie ? { cookie } : {} }) }
}

const next = async (socket: WebSocket): Promise<string> => String((await once(socket, 'message'))[0])

test('a socket reads and updates the session of its upgrade request', async () => {
  const { sessions, open } = await chat()
  const { cookie } = await sessions.create({ userId: 'ada' })
  const socket = open(cookie)
  expect(await next(socket)).toBe('ada')
  for (const sent of ['1', '2', '3']) {
    socket.send('hello')
    expect(await next(socket)).toBe(sent)
  }
  const seen = await sessions.read({ headers: { cookie } } as IncomingMessage)
  expect({ ...seen }).toEqual({ userId: 'ada', sent: 3 })
})

test('after a logout elsewhere the socket learns it with its next message', async () => {
  const { sessions, open } = await chat()
  const { cookie } = await sessions.create({ userId: 'ada' })
  const socket = open(cookie)
  await next(socket)
  await sessions.update({ headers: { cookie } } as IncomingMessage, (session) => session.destroy())
  socket.send('still here?')
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer]
  expect([code, reason.toString()]).toEqual([4401, 'SESSION_GONE'])
})

test('a socket without a cookie is nobody', async () => {
  const { open } = await chat()
  expect(await next(open())).toBe('nobody')
})

test('what read() gives cannot be changed', async () => {
  const { sessions } = await chat()
  const { cookie } = await sessions.create({ userId: 'ada' })
  const seen = await sessions.read({ headers: { cookie } } as IncomingMessage)
  expect(() => Object.assign(seen as object, { userId: 'eve' })).toThrow(TypeError)
  await expect(seen?.save()).rejects.toThrow('sessions.update')
  await expect(seen?.destroy()).rejects.toThrow('sessions.update')
})
