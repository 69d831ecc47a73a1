import { once } from 'node:events'
import {
  createServer,
  request,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type RequestListener,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import type { Certificate } from '../servers/certificates.js'
import { readFile } from 'node:fs/promises'

export interface FrontOptions {
  /** Which of the ports gets the request that is the `n`th, on the so-manyeth connection. Default: each in turn. */
  readonly pick?: (n: number, headers: IncomingHttpHeaders, connection: number) => number
  readonly onRequest?: (headers: IncomingHttpHeaders) => IncomingHttpHeaders
  readonly onAnswer?: (headers: IncomingHttpHeaders) => OutgoingHttpHeaders
  readonly certificate?: Certificate
  /** Answers are never finished. */
  readonly isEndless?: boolean
}

/** What stands before an app and may do to it what balancers and caches do. Ends with the test. */
export async function front(ports: readonly number[], options: FrontOptions = {}): Promise<string> {
  const { pick = (n) => n % ports.length, onRequest = same, onAnswer = same, certificate, isEndless = false } = options
  let n = 0
  const connections = new Map<unknown, number>()
  const pass: RequestListener = (req, res) => {
    const headers = onRequest({ ...req.headers })
    const connection = connections.get(req.socket) ?? connections.size
    connections.set(req.socket, connection)
    const port = ports[pick(n++, headers, connection)]
    const upstream = request({ port, host: '127.0.0.1', path: req.url, method: req.method, headers, agent: false })
    upstream.on('response', (answer) => {
      res.writeHead(
        answer.statusCode ?? 502,
        onAnswer(isEndless ? without(answer.headers, 'content-length') : { ...answer.headers }),
      )
      answer.pipe(res, { end: !isEndless })
    })
    req.pipe(upstream.on('error', () => res.writeHead(502).end()))
  }
  const server = certificate
    ? createTlsServer({ cert: await readFile(certificate.certFile), key: await readFile(certificate.keyFile) }, pass)
    : createServer(pass)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close().closeAllConnections())
  return `${certificate ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const without = (headers: IncomingHttpHeaders, name: string): IncomingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([header]) => header !== name))

const same = (headers: IncomingHttpHeaders): IncomingHttpHeaders => headers

/** Headers whose `Set-Cookie` lines are changed. */
export const withSetCookie = (
  headers: IncomingHttpHeaders,
  change: (line: string) => string | readonly string[],
): OutgoingHttpHeaders => {
  const lines = headers['set-cookie']?.flatMap(change)
  return lines ? { ...headers, 'set-cookie': lines } : headers
}
