import { STATUS_CODES } from 'node:http'
import { isHttp2, type NodeResponse } from './hold-head.js'

/** What describes the handler's body or hands out its result; the rest (CORS, security headers, Vary) fits any answer. */
const OF_THE_BODY =
  /^(content-(?!security-policy)|(etag|last-modified|cache-control|expires|location|set-cookie|accept-ranges|trailer|transfer-encoding)$)/

/** The answer in place of the handler's when its commit failed: the status and headers of the error and a short text. */
export function answerFailure(res: NodeResponse, error: unknown): void {
  prepareFailure(res, error)
  const text = STATUS_CODES[res.statusCode] ?? String(res.statusCode)
  res.setHeader('Content-Type', 'text/plain; charset=utf-8')
  res.setHeader('Content-Length', Buffer.byteLength(text))
  res.end(text)
}

/** Takes away what belonged to the handler's answer, and sets status and headers of the failure. */
export function prepareFailure(res: NodeResponse, error: unknown): void {
  for (const name of res.getHeaderNames()) if (OF_THE_BODY.test(name)) res.removeHeader(name)
  const { status, headers } = (error ?? {}) as { status?: unknown; headers?: unknown }
  res.statusCode = isErrorStatus(status) ? status : 500
  if (!isHttp2(res)) res.statusMessage = ''
  res.setHeader('Cache-Control', 'no-store')
  for (const [name, value] of Object.entries(headers ?? {})) res.setHeader(name, value)
}

const isErrorStatus = (status: unknown): status is number =>
  Number.isInteger(status) && Number(status) >= 400 && Number(status) <= 599
