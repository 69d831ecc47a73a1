import { readdir, readFile } from 'node:fs/promises'
import { until } from './until.js'

/** SIGSTOP. Resolves when the process stands still (Linux): on a busy machine one of its threads may go on for some ms. */
export async function freeze(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  if (process.platform === 'linux') await until(`process ${pid} stands still`, () => isStopped(pid))
}

/** All threads of a process are in the state T. The name of a program, in brackets, may have spaces. */
async function isStopped(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`)
  const stats = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8')))
  return stats.every((stat) => /.*\) T /.test(stat))
}
