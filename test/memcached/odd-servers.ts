import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'

export interface OddServer {
  readonly address: string
  close(): Promise<void>
}

/**
 * Answers each line that a client sends (a text that is stored is a line too) with what `answer` says, or not at all. For
 * servers that Memcached itself cannot play: proxies, and what is broken.
 */
export async function oddServer(answer: (line: string) => string | undefined): Promise<OddServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      for (const line of chunk.split('\r\n').slice(0, -1)) socket.write(answer(line) ?? '')
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
