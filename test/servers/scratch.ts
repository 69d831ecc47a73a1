import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Scratch {
  readonly path: string
  remove(): Promise<void>
}

/**
 * A temporary folder that goes with this process, however it ends: a shell of its own waits for the end of its input and
 * removes it then. Exit handlers would not do, vitest ends its workers with SIGTERM.
 */
export async function makeScratch(): Promise<Scratch> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-server-'))
  const reaper = spawn('sh', ['-c', 'read line; sleep 0.2; rm -rf "$1"', 'sh', path], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  reaper.unref()
  return {
    path,
    async remove() {
      await rm(path, { recursive: true, force: true })
      reaper.stdin.end()
    },
  }
}
