import { Agent, request, type IncomingMessage } from 'node:http'

export interface Answer {
  /** `'refused'`: nobody listens. `'cut'`: the connection broke. `'hung'`: no answer came. */
  readonly status: number | 'refused' | 'cut' | 'hung'
  readonly body: string
  readonly headers: IncomingMessage['headers']
  /** `name=value` of the session cookie that the answer sets. */
  readonly cookie: string | undefined
  /** From when it had a connection. */
  readonly ms: number
}

export interface ClientOptions {
  /** How many requests may be under way at one time; more wait here. Default 256. */
  readonly connections?: number
  /** What has no answer after so long has none at all. Default 10 s. */
  readonly hungMs?: number
}

/** Keep-alive connections to one app server. It never rejects: a fault is an answer too. */
export class Client {
  readonly #agent: Agent
  readonly #port: number
  readonly #hungMs: number

  constructor(port: number, { connections = 256, hungMs = 10_000 }: ClientOptions) {
    this.#port = port
    this.#hungMs = hungMs
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
  }

  get(path: string, cookie?: string): Promise<Answer> {
    return new Promise((resolve) => {
      let startedAt = performance.now()
      let timer: NodeJS.Timeout | undefined
      const end = (status: Answer['status'], message?: IncomingMessage, body = ''): void => {
        clearTimeout(timer)
        const headers = message?.headers ?? {}
        resolve({ status, body, headers, cookie: cookieOf(headers), ms: performance.now() - startedAt })
      }
      const headers = cookie === undefined ? {} : { cookie }
      const sent = request({ agent: this.#agent, host: '127.0.0.1', port: this.#port, path, headers }, (message) => {
        let body = ''
        message.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
        message.on('end', () => end(message.statusCode ?? 'cut', message, body))
        message.on('error', () => end('cut'))
      })
      // What waits for a connection of ours is not under way yet.
      sent.on('socket', () => {
        startedAt = performance.now()
        timer = setTimeout(() => {
          end('hung')
          sent.destroy()
        }, this.#hungMs)
      })
      sent.on('error', ({ code }: NodeJS.ErrnoException) => end(code === 'ECONNREFUSED' ? 'refused' : 'cut'))
      sent.end()
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

const cookieOf = (headers: IncomingMessage['headers']): string | undefined =>
  headers['set-cookie']?.find((line) => line.startsWith('sid='))?.split(';', 1)[0]
