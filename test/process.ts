import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface StartOptions {
  readonly args?: readonly string[]
  /** Put over the environment of the tests; `undefined` takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Default: the root of the repository. */
  readonly cwd?: string
  /** Makes a process group, which `stop` signals as a whole: `stop('SIGINT')` is then Ctrl-C in a terminal. */
  readonly ownGroup?: boolean
}

/** How a process ended: by itself with `code`, or by `signal`. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Child {
  readonly pid: number
  /** Rejects when the command could not be started. */
  readonly ended: Promise<Exit>
  /** All that it has printed, both streams in order of arrival. */
  output(): string
  /** Resolves once the output matches; rejects, with the output, when it ends before that or after `timeoutMs` (20 s). */
  printed(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>
  /** Sends `signal` (`SIGTERM`) and waits for the end. After 10 s it kills the process and rejects with its output. */
  stop(signal?: NodeJS.Signals): Promise<Exit>
}

const root = new URL('..', import.meta.url)
const running = new Set<() => void>()
process.once('exit', () => running.forEach((kill) => kill()))

/** Runs a TypeScript file of this repository from source, in a process of its own. `file` is relative to the root. */
export function startNode(file: string, options: StartOptions = {}): Child {
  const flags = ['--conditions=@holdfast/source', '--import', import.meta.resolve('tsx')]
  const args = [...flags, fileURLToPath(new URL(file, root)), ...(options.args ?? [])]
  return startCommand(process.execPath, { ...options, args })
}

/** Runs any command. What is still running when the tests end is killed. */
export function startCommand(command: string, options: StartOptions = {}): Child {
  const { args = [], cwd = fileURLToPath(root), ownGroup = false } = options
  const env = { ...process.env, ...options.env }
  const child = spawn(command, args, { cwd, env, detached: ownGroup, stdio: ['ignore', 'pipe', 'pipe'] })
  const kill = (): void => send(child, ownGroup, 'SIGKILL')
  running.add(kill)

  let text = ''
  const collect = (chunk: string): void => void (text += chunk)
  child.stdout.setEncoding('utf8').on('data', collect)
  child.stderr.setEncoding('utf8').on('data', collect)

  const ended = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  // Whoever waits for the end gets the error; without a waiter it must not be an unhandled rejection.
  ended.catch(() => {}).finally(() => running.delete(kill))

  return {
    pid: child.pid ?? 0,
    ended,
    output: () => text,
    async printed(pattern, timeoutMs = 20_000) {
      const found = (): RegExpExecArray | null => pattern.exec(text)
      const arrival = new Promise<RegExpExecArray>((resolve) => {
        const look = (): void => {
          const match = found()
          if (match) resolve(match)
        }
        look()
        child.stdout.on('data', look)
        child.stderr.on('data', look)
      })
      const tooSoon = ended.then(
        (exit) => found() ?? fail(`ended (${exit.signal ?? exit.code}) before it printed ${pattern}`),
      )
      return await within(timeoutMs, Promise.race([arrival, tooSoon]), () =>
        fail(`did not print ${pattern} in ${timeoutMs} ms`),
      )
    },
    async stop(signal = 'SIGTERM') {
      send(child, ownGroup, signal)
      return await within(10_000, ended, () => {
        kill()
        fail(`did not stop in 10 s after ${signal}`)
      })
    },
  }

  function fail(what: string): never {
    throw new Error(`${[command, ...args].join(' ')} ${what}. It printed:\n${text}`)
  }
}

function send(child: ChildProcess, toGroup: boolean, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  if (toGroup) process.kill(-child.pid, signal)
  else child.kill(signal)
}

async function within<T>(ms: number, promise: Promise<T>, late: () => never): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  try {
    return await Promise.race([promise, deadline.then(late)])
  } finally {
    clearTimeout(timer)
  }
}
