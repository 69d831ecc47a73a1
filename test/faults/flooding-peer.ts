import { once } from 'node:events'
import { createServer, type TLSSocket } from 'node:tls'
import { helloFrame, PROTOCOL_VERSION } from '../../packages/peer/src/hello.js'
import { credentialsOf } from '../../packages/peer/src/credentials.js'
import { requestFrame } from '../../packages/peer/src/wire.js'

const KEY = 'flood'
const RECORD_BYTES = 50_000
const FRAMES_AT_ONCE = 1_000

/** A peer that has the secret, asks all who look for it for a large record as fast as it can, and reads no answer. */
export interface FloodingPeer {
  /** Connections to it that the others have ended. */
  readonly ended: number
  stop(): Promise<void>
}

export async function startFloodingPeer(
  { self, names, listen }: { readonly self: string; readonly names: readonly string[]; readonly listen: string },
  secret: string,
): Promise<FloodingPeer> {
  let ended = 0
  const sockets = new Set<TLSSocket>()
  const ours = { version: PROTOCOL_VERSION, name: self, lookingFor: '', members: names }
  const record = { data: 'x'.repeat(RECORD_BYTES), revision: 1, tag: 'flooding', expiresAt: Date.now() + 60_000 }
  const written = requestFrame(1, { op: 'write', key: KEY, record, condition: 'newer' })
  const requests = Buffer.concat(
    Array.from({ length: FRAMES_AT_ONCE }, (_, i) => requestFrame(2 + i, { op: 'read', key: KEY })),
  )
  const server = createServer(credentialsOf(self, { secret }, () => {}).server, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => {
      sockets.delete(socket)
      ended++
    })
    const flood = (): void => {
      while (socket.writable && socket.write(requests));
    }
    socket.on('drain', flood)
    socket.once('data', () => {
      socket.pause().write(written)
      flood()
    })
    socket.write(helloFrame(ours))
  })
  const [host, port] = listen.split(':')
  await once(server.listen(Number(port), host), 'listening')
  return {
    get ended() {
      return ended
    },
    async stop() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
