import { Agent, request, type IncomingMessage } from 'node:http'

export interface Answer {
  /** `'refused'`: nobody listens. `'cut'`: the connection broke. `'hung'`: no answer in ten seconds. */
  readonly status: number | 'refused' | 'cut' | 'hung'
  readonly body: string
  readonly headers: IncomingMessage['headers']
  /** `name=value` of the session cookie that the answer sets. */
  readonly cookie: string | undefined
  readonly ms: number
}

const HUNG_MS = 10_000

/** Keep-alive connections to one app server. It never rejects: a fault is an answer too. */
export class Client {
  readonly #agent: Agent
  readonly #port: number

  constructor(port: number, maxSockets = 256) {
    this.#port = port
    this.#agent = new Agent({ keepAlive: true, maxSockets })
  }

  get(path: string, cookie?: string): Promise<Answer> {
    const startedAt = performance.now()
    return new Promise((resolve) => {
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
      const timer = setTimeout(() => {
        end('hung')
        sent.destroy()
      }, HUNG_MS)
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
