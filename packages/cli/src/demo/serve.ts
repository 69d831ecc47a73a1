import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The server's name, `A`, `B` or `C`. */
export const serverName = process.env['SERVER_NAME'] ?? 'alone'

/** What an app server tells the demo when it is ready. */
export interface ServerReady {
  readonly port: number
}

/**
 * Runs a shop on a free port of 127.0.0.1, tells the parent process the port, and ends when the parent is gone, however
 * that happened. It tells when `sessions` are ready or, after 10 s, that they are not: the shop serves then, too, with
 * 503. `/health` answers 200 when the shop should get requests, else 503, and says how many it has answered.
 */
export function serve(
  shop: (request: IncomingMessage, response: ServerResponse) => unknown,
  sessions: { ready(): Promise<void>; health(): { readonly ok: boolean } },
): void {
  let answered = 0
  const server = createServer((request, response) => {
    if (request.url === '/health') {
      response.statusCode = sessions.health().ok ? 200 : 503
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ server: serverName, answered }))
      return
    }
    response.once('finish', () => answered++)
    shop(request, response)
  })
  const listening = once(server.listen(0, '127.0.0.1'), 'listening')
  void Promise.allSettled([listening, sessions.ready()]).then(() => {
    const { port } = server.address() as AddressInfo
    process.send?.({ port } satisfies ServerReady)
  })
  process.once('disconnect', () => process.exit())
  // The parent may have gone while this module was loading.
  if (process.connected === false) process.exit()
  // Ctrl-C reaches the whole process group; the demo itself stops its servers, in order.
  process.on('SIGINT', () => {})
}
