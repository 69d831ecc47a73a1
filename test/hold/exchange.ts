import { request, type IncomingMessage, type InformationEvent, type RequestOptions } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'

/** What a client got: the whole answer, or how it broke. */
export interface Answer {
  readonly status: number | undefined
  readonly reason: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** The connection ended before the answer did. */
  readonly broken: boolean
}

interface ExchangeOptions extends RequestOptions {
  /** A body that goes on until the answer is there. */
  readonly unfinished?: string
}

/** Sends one request on a connection of its own and reads the answer, decompressed. */
export function exchange(
  server: Server,
  path: string,
  { unfinished, ...options }: ExchangeOptions = {},
  onInformation: (info: InformationEvent) => void = () => {},
): Promise<Answer> {
  return new Promise((resolve) => {
    const { port } = server.address() as AddressInfo
    const sent = request({ port, host: '127.0.0.1', path, agent: false, ...options }, (message) => {
      const chunks: Buffer[] = []
      const answer = (broken: boolean): Answer => ({
        status: message.statusCode,
        reason: message.statusMessage,
        headers: message.headers,
        body: broken ? '' : decoded(Buffer.concat(chunks), message.headers['content-encoding']),
        broken,
      })
      message.on('data', (chunk: Buffer) => chunks.push(chunk))
      message.on('error', () => resolve(answer(true)))
      message.on('end', () => {
        resolve(answer(false))
        sent.end()
      })
    })
    sent.on('information', onInformation)
    sent.on('error', () => resolve({ status: undefined, reason: undefined, headers: {}, body: '', broken: true }))
    if (unfinished === undefined) sent.end()
    else sent.write(unfinished)
  })
}

function decoded(body: Buffer, encoding: string | undefined): string {
  if (encoding === 'gzip') return gunzipSync(body).toString()
  if (encoding === 'br') return brotliDecompressSync(body).toString()
  return body.toString()
}

export function listen<S extends Server>(server: S): Promise<S> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}
