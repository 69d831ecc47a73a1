import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandFor, type ServerOrder } from './server-command.js'

/** What the keeper tells the demo once its server is of use. */
export interface SessionServerReady {
  readonly pid: number
}

const LOOK_EVERY_MS = 20

/**
 * The process between the demo and a session server, `server-keeper <order as JSON>`: it ends the server when the demo lets
 * go of it or is gone, however that happened, and ends itself when the server has ended.
 */
const order = JSON.parse(process.argv[2] ?? '') as ServerOrder
const folder = mkdtempSync(join(tmpdir(), `holdfast-demo-${order.kind.toLowerCase()}-`))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

const { args, isReady } = commandFor(order, folder)
const server = spawn(order.program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })

let log = ''
let hasStarted = false
server.stdout.setEncoding('utf8').on('data', (text: string) => {
  if (!hasStarted) log += text
})
server.once('error', (error) => end(error.message))
server.once('exit', () => end(hasStarted ? undefined : log))

const letGo = (): void => void server.kill('SIGKILL')
process.once('disconnect', letGo)
// The demo may have gone while this module was loading.
if (process.connected === false) letGo()
// Ctrl-C and the like reach the whole process group; the demo itself lets go, in order.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

void look()

async function look(): Promise<void> {
  if (!(await isReady(log))) return void setTimeout(() => void look(), LOOK_EVERY_MS)
  hasStarted = true
  process.send?.({ pid: server.pid ?? 0 } satisfies SessionServerReady)
}

function end(failure: string | undefined): void {
  if (failure !== undefined && process.connected) process.stderr.write(failure)
  process.exit(failure === undefined ? 0 : 1)
}
