import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const CLOSED = 'the server closed the connection'

/**
 * A visitor's connection, kept alive, that sends one request after the other. It is a bare socket: the client of node:http
 * takes more CPU than the servers that are measured, and would then set the pace.
 */
export class Connection {
  readonly #socket: Socket
  #cookie = 'theme=dark'
  #received = ''
  #waiting: { resolve: (status: 200 | 503) => void; reject: (error: Error) => void } | undefined

  private constructor(socket: Socket) {
    this.#socket = socket.setNoDelay().setEncoding('latin1')
    socket.on('data', (chunk: string) => this.#take(chunk))
    socket.once('close', () => this.#waiting?.reject(new Error(CLOSED)))
    socket.on('error', (error) => this.#waiting?.reject(error))
  }

  static async open(port: number): Promise<Connection> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new Connection(socket)
  }

  /** Resolves when all of the answer is there, and keeps its cookies for the next. Any status but 200 and 503 rejects. */
  get(path: string): Promise<200 | 503> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Error(CLOSED))
      this.#waiting = { resolve, reject }
      this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\nCookie: ${this.#cookie}\r\n\r\n`)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(chunk: string): void {
    this.#received += chunk
    const headEnd = this.#received.indexOf('\r\n\r\n')
    if (headEnd < 0) return
    const head = this.#received.slice(0, headEnd)
    const bodyLength = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
    if (this.#received.length < headEnd + 4 + bodyLength) return
    this.#received = ''
    const cookies = [...head.matchAll(/\r\nset-cookie: ([^;\r]+)/gi)].map(([, cookie]) => cookie)
    if (cookies.length > 0) this.#cookie = cookies.join('; ')
    if (head.startsWith('HTTP/1.1 200 ')) this.#waiting?.resolve(200)
    else if (head.startsWith('HTTP/1.1 503 ')) this.#waiting?.resolve(503)
    else this.#waiting?.reject(new Error(`answered with ${head.slice(0, head.indexOf('\r\n'))}`))
  }
}
