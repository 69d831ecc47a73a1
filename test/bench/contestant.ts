import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Connection } from './connection.js'

/** One app in its own process, with somebody logged in on every connection. */
export interface Contestant {
  /** Sends so many requests over the first so many connections, at once. Any answer but 200 and 503 rejects. */
  measure(path: string, requests: number, connections: number): Promise<Round>
  stop(): void
}

export interface Round {
  /** The server's CPU time for one request. */
  readonly cpuMicroseconds: number
  readonly requestsPerSecond: number
  /** 99 of 100 requests took no longer, as the visitors saw it. */
  readonly p99Ms: number
  /** Requests that got a 503: on a busy machine a store may be late. */
  readonly refused: number
}

/**
 * Each of the connections has a session of its own, so that writes do not meet. `args` are those of `server.ts`. Flags of this
 * process are its own too: with `--cpu-prof` it leaves a profile.
 */
export async function startContestant(connections: number, ...args: readonly string[]): Promise<Contestant> {
  const server = fork(fileURLToPath(new URL('server.ts', import.meta.url)), args, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const ask = answers(server)
  const { port } = await ask<{ port: number }>('port')
  const visitors = await Promise.all(Array.from({ length: connections }, () => Connection.open(port)))
  // An app without sessions has no login.
  if (args[1] !== 'bare' && args[1] !== 'jsonOnce') await logIn(visitors)

  const cpuMicroseconds = async (): Promise<number> => (await ask<{ cpuMicroseconds: number }>('cpu')).cpuMicroseconds

  return {
    async measure(path, requests, atOnce) {
      const cpuBefore = await cpuMicroseconds()
      const startedAt = performance.now()
      let left = requests
      const took: number[] = []
      let refused = 0
      const send = async (visitor: Connection): Promise<void> => {
        while (left-- > 0) {
          const sentAt = performance.now()
          if ((await visitor.get(path)) === 503) refused += 1
          took.push(performance.now() - sentAt)
        }
      }
      await Promise.all(visitors.slice(0, atOnce).map(send))
      const seconds = (performance.now() - startedAt) / 1_000
      return {
        cpuMicroseconds: ((await cpuMicroseconds()) - cpuBefore) / requests,
        requestsPerSecond: requests / seconds,
        p99Ms: took.sort((a, b) => a - b)[Math.floor(took.length * 0.99)] ?? 0,
        refused,
      }
    },
    stop() {
      for (const visitor of visitors) visitor.close()
      server.disconnect()
    },
  }
}

/** One after the other, and the first again and again for 10 s: its app may still be connecting to its store. */
async function logIn(visitors: readonly Connection[]): Promise<void> {
  const endsAt = performance.now() + 10_000
  for (const visitor of visitors) {
    while (!(await isLoggedIn(visitor, performance.now() > endsAt))) await setTimeout(100)
  }
}

async function isLoggedIn(visitor: Connection, isLast: boolean): Promise<boolean> {
  try {
    if ((await visitor.get('/login')) === 200) return true
    throw new Error('A login was answered with 503.')
  } catch (error) {
    if (isLast) throw error
    return false
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
