import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { fileURLToPath } from 'node:url'

/** Each connection is kept alive and has a session of its own, so that writes do not meet. */
const CONNECTIONS = 10

/** One app in its own process, with somebody logged in on every connection. */
export interface Contestant {
  /** Sends so many requests and resolves to the server's CPU time for one of them, in µs. Any answer but 200 rejects. */
  measure(path: string, requests: number): Promise<number>
  stop(): void
}

/** `args` are those of `server.ts`. Flags of this process are its own too: with `--cpu-prof` it leaves a profile. */
export async function startContestant(...args: readonly string[]): Promise<Contestant> {
  const server = fork(fileURLToPath(new URL('server.ts', import.meta.url)), args, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const ask = answers(server)
  const { port } = await ask<{ port: number }>('port')
  const url = `http://127.0.0.1:${port}`
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => logIn(url)))

  const cpuMicroseconds = async (): Promise<number> => (await ask<{ cpuMicroseconds: number }>('cpu')).cpuMicroseconds

  return {
    async measure(path, requests) {
      const before = await cpuMicroseconds()
      const each = requests / CONNECTIONS
      await Promise.all(connections.map((connection) => send(url + path, each, connection)))
      return ((await cpuMicroseconds()) - before) / requests
    },
    stop() {
      for (const { agent } of connections) agent.destroy()
      server.disconnect()
    },
  }
}

/** Questions to the server process, one at a time. They reject with what it printed when it dies. */
function answers(server: ChildProcess): <T>(question: string) => Promise<T> {
  let errors = ''
  server.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const died = once(server, 'exit').then(([code]) => {
    throw new Error(`${server.spawnargs.join(' ')} ended with exit code ${String(code)}:\n${errors}`)
  })
  died.catch(() => {})
  return async <T>(question: string) => {
    server.send(question)
    const [answer] = (await Promise.race([once(server, 'message'), died])) as [T]
    return answer
  }
}

interface Connection {
  readonly agent: Agent
  readonly cookie: string
}

/** An app without sessions sets no cookie; it gets a short one of no meaning instead. */
async function logIn(url: string): Promise<Connection> {
  const response = await fetch(`${url}/login`)
  await response.text()
  const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(';', 1)[0])
  return { agent: new Agent({ keepAlive: true, maxSockets: 1 }), cookie: cookies.join('; ') || 'theme=dark' }
}

/** One request after the other on this connection. */
async function send(url: string, requests: number, { agent, cookie }: Connection): Promise<void> {
  for (let sent = 0; sent < requests; sent++) {
    await new Promise<void>((resolve, reject) => {
      const request = get(url, { agent, headers: { cookie } }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`${url}: answered with ${response.statusCode}`))
        response.resume().once('end', resolve)
      })
      request.once('error', reject)
    })
  }
}
