import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { MigrationPhase } from '@holdfast/core'
import { closeStore, moveOn, onPhaseChange, phaseNow } from './shop-store.js'

/** The server's name, `A`, `B` or `C`. */
export const serverName = process.env['SERVER_NAME'] ?? 'alone'

/** From when it says that it should get no requests until the balancer has heard that. */
const NOTICED_MS = 300

/** What an app server tells the demo when it is ready. */
export interface ServerReady {
  readonly port: number
}

/** What it tells later: which phase it works in, and what came of an order. */
export type ServerNews = { readonly phase: MigrationPhase } | { readonly moved: string; readonly refusal?: string }

/** What the demo asks of it: to leave without losing a request, or to move all of them to a phase. */
export type ServerOrder = { readonly leave: true } | { readonly move: MigrationPhase }

interface Sessions {
  ready(): Promise<void>
  health(): { readonly ok: boolean }
  drain(): Promise<void>
  close(): Promise<void>
}

/**
 * Runs a shop on a free port of 127.0.0.1, tells the parent process the port, and ends when the parent is gone, however
 * that happened. It tells when `sessions` are ready or, after 10 s, that they are not: the shop serves then, too, with
 * 503. `/health` answers 200 when the shop should get requests, else 503, and says how many it has answered.
 */
export function serve(shop: (request: IncomingMessage, response: ServerResponse) => unknown, sessions: Sessions): void {
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
    tellPhase()
    onPhaseChange(tellPhase)
  })
  process.on('message', (order: ServerOrder) => void ('leave' in order ? leave(server, sessions) : move(order.move)))
  process.once('disconnect', () => process.exit())
  // The parent may have gone while this module was loading.
  if (process.connected === false) process.exit()
  // Ctrl-C reaches the whole process group; the demo itself stops its servers, in order.
  process.on('SIGINT', () => {})
}

function tellPhase(): void {
  const phase = phaseNow()
  if (phase !== undefined) tell({ phase })
}

async function move(phase: MigrationPhase): Promise<void> {
  const refusal = await moveOn(phase).then(
    () => undefined,
    (error: Error) => error.message,
  )
  tell({ moved: phase, ...(refusal !== undefined && { refusal }) })
}

/** As on SIGTERM in production: what is under way ends, and sessions are handed over where they are kept here. */
async function leave(server: Server, sessions: Sessions): Promise<void> {
  await sessions.drain()
  await sleep(NOTICED_MS)
  const closed = once(server, 'close')
  server.close().closeIdleConnections()
  await closed
  await sessions.close()
  await closeStore()
  process.exit()
}

const tell = (news: ServerNews): void => void (process.connected && process.send?.(news))
