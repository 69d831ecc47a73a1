/** What is used of a response, alike in node:http and node:http2. `stream` is there in HTTP/2 only, `destroyed` only in HTTP/1. */
export interface NodeResponse {
  readonly req: object
  readonly headersSent: boolean
  readonly writableEnded: boolean
  readonly writableNeedDrain?: boolean
  readonly destroyed?: boolean
  readonly stream?: { readonly destroyed: boolean; readonly writableNeedDrain: boolean }
  statusCode: number
  statusMessage: string
  writeHead: (...args: unknown[]) => unknown
  write: (...args: unknown[]) => unknown
  end: (...args: unknown[]) => unknown
  flushHeaders: (...args: unknown[]) => unknown
  setHeader: (...args: unknown[]) => unknown
  appendHeader: (...args: unknown[]) => unknown
  removeHeader: (...args: unknown[]) => unknown
  _implicitHeader?: (() => void) | undefined
  getHeaderNames(): string[]
  emit(event: string): boolean
  destroy(): unknown
}

/** Where a response keeps that it is held. */
export const HOLD = Symbol('holdfast.hold')

export const isHttp2 = (res: NodeResponse): boolean => res.stream !== undefined

export const isDestroyed = (res: NodeResponse): boolean => res.destroyed ?? res.stream?.destroyed ?? false

export const nodeError = (ErrorType: ErrorConstructor, code: string, message: string): Error =>
  Object.assign(new ErrorType(message), { code })

export const headersSentError = (): Error =>
  nodeError(Error, 'ERR_HTTP_HEADERS_SENT', 'Cannot change the headers after they are sent to the client')

/**
 * Does at once what `writeHead` does with its arguments, on the response: whoever comes later sees the headers as they
 * will be sent. Names that are repeated in an array stay repeated, which node:http 20 does only without `setHeader`.
 */
export function setHead(res: NodeResponse, status?: unknown, reason?: unknown, headers?: unknown): void {
  const code = checkedStatus(status)
  if (typeof reason === 'string') res.statusMessage = reason
  res.statusCode = code
  setHeaders(res, typeof reason === 'string' ? headers : (headers ?? reason))
  checkHead(res)
}

function setHeaders(res: NodeResponse, headers: unknown): void {
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers ?? {})) if (name) res.setHeader(name, value)
    return
  }
  const seen = new Set<string>()
  for (const [name, value] of pairs(headers)) {
    if (!name) continue
    const key = String(name).toLowerCase()
    if (seen.has(key)) res.appendHeader(name, value)
    else res.setHeader(name, value)
    seen.add(key)
  }
}

function pairs(headers: readonly unknown[]): [string, unknown][] {
  if (Array.isArray(headers[0])) return headers as [string, unknown][]
  if (headers.length % 2 !== 0) {
    throw nodeError(TypeError, 'ERR_INVALID_ARG_VALUE', `The headers have a name without a value: ${String(headers)}`)
  }
  return Array.from({ length: headers.length / 2 }, (_, i) => [headers[2 * i] as string, headers[2 * i + 1]])
}

/** Throws what Node would throw when it wrote this head; the handler is still there to catch it. */
export function checkHead(res: NodeResponse): void {
  checkedStatus(res.statusCode)
  if (!isHttp2(res) && /[^\t\x20-\x7e\x80-\xff]/.test(res.statusMessage ?? '')) {
    throw nodeError(TypeError, 'ERR_INVALID_CHAR', 'Invalid character in statusMessage')
  }
}

function checkedStatus(status: unknown): number {
  const code = (status as number) | 0
  if (code >= 100 && code <= 999) return code
  throw nodeError(RangeError, 'ERR_HTTP_INVALID_STATUS_CODE', `Invalid status code: ${String(status)}`)
}

export function checkChunk(chunk: unknown): asserts chunk is string | Uint8Array {
  if (typeof chunk === 'string' || chunk instanceof Uint8Array) return
  const got = chunk === null ? 'null' : typeof chunk
  throw nodeError(TypeError, 'ERR_INVALID_ARG_TYPE', `A chunk must be a string, Buffer or Uint8Array, not ${got}`)
}
