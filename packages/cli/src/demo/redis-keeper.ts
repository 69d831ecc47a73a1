import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What the keeper tells the demo once its Redis takes connections. */
export interface RedisReady {
  readonly pid: number
}

/**
 * The process between the demo and its Redis, `redis-keeper <program> <port>`: it ends Redis when the demo lets go of it or
 * is gone, however that happened, and ends itself when Redis has ended.
 */
const [program = 'redis-server', port = '0'] = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'holdfast-demo-redis-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

const onlyInMemory = ['--save', '', '--appendonly', 'no', '--maxmemory', '64mb', '--maxmemory-policy', 'noeviction']
const args = ['--port', port, '--bind', '127.0.0.1', '--dir', folder, ...onlyInMemory]
const redis = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })

let log = ''
let isReady = false
redis.stdout.setEncoding('utf8').on('data', (text: string) => {
  if (isReady) return
  log += text
  isReady = log.includes('Ready to accept connections')
  if (isReady) process.send?.({ pid: redis.pid ?? 0 } satisfies RedisReady)
})
redis.once('error', (error) => end(error.message))
redis.once('exit', () => end(isReady ? undefined : log))

const letGo = (): void => void redis.kill('SIGKILL')
process.once('disconnect', letGo)
// The demo may have gone while this module was loading.
if (process.connected === false) letGo()
// Ctrl-C and the like reach the whole process group; the demo itself lets go, in order.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

function end(failure: string | undefined): void {
  if (failure !== undefined && process.connected) process.stderr.write(failure)
  process.exit(failure === undefined ? 0 : 1)
}
