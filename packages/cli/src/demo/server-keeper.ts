import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What the keeper tells the demo once its server takes connections. */
export interface SessionServerReady {
  readonly pid: number
}

const CONNECT_EVERY_MS = 20

/**
 * The process between the demo and a session server, `server-keeper <kind> <program> <port>`: it ends the server when the
 * demo lets go of it or is gone, however that happened, and ends itself when the server has ended.
 */
const [kind, program = '', port = '0'] = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), `holdfast-demo-${kind?.toLowerCase()}-`))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

const onlyInMemory = ['--save', '', '--appendonly', 'no', '--maxmemory', '64mb', '--maxmemory-policy', 'noeviction']
/** Memcached refuses to run as root. */
const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
const args =
  kind === 'Redis'
    ? ['--port', port, '--bind', '127.0.0.1', '--dir', folder, ...onlyInMemory]
    : ['-p', port, '-l', '127.0.0.1', '-m', '64', ...user]
const server = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })

let log = ''
let isReady = false
server.stdout.setEncoding('utf8').on('data', (text: string) => {
  if (isReady) return
  log += text
  if (log.includes('Ready to accept connections')) ready()
})
if (kind === 'Memcached') tryToConnect()
server.once('error', (error) => end(error.message))
server.once('exit', () => end(isReady ? undefined : log))

const letGo = (): void => void server.kill('SIGKILL')
process.once('disconnect', letGo)
// The demo may have gone while this module was loading.
if (process.connected === false) letGo()
// Ctrl-C and the like reach the whole process group; the demo itself lets go, in order.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

/** Memcached does not say when it listens. */
function tryToConnect(): void {
  const socket = connect(Number(port), '127.0.0.1')
  socket.once('connect', () => {
    socket.destroy()
    ready()
  })
  socket.once('error', () => setTimeout(tryToConnect, CONNECT_EVERY_MS))
}

function ready(): void {
  isReady = true
  process.send?.({ pid: server.pid ?? 0 } satisfies SessionServerReady)
}

function end(failure: string | undefined): void {
  if (failure !== undefined && process.connected) process.stderr.write(failure)
  process.exit(failure === undefined ? 0 : 1)
}
