import { readdir } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const READINGS = 5

/** What child processes have to inherit so that each app among them tells of its heap, on a socket in this folder. */
export const heapReporting = (folder: string): Readonly<Record<string, string>> => ({
  NODE_OPTIONS: `--import=${fileURLToPath(new URL('heap-report.mjs', import.meta.url))}`,
  HEAP_SOCKETS: folder,
})

/** The bytes that each app has in use after a collection: the least of a few readings, as requests are under way. */
export async function heapsOf(folder: string): Promise<readonly number[]> {
  const sockets = (await readdir(folder)).filter((name) => name.endsWith('.sock')).sort()
  return Promise.all(sockets.map((name) => leastOf(join(folder, name))))
}

async function leastOf(socketPath: string): Promise<number> {
  let least = Infinity
  for (let i = 0; i < READINGS; i++) {
    least = Math.min(least, await read(socketPath))
    await sleep(100)
  }
  return least
}

function read(socketPath: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      answer.once('end', () => resolve(Number(text)))
    })
    sent.once('error', reject)
    sent.end()
  })
}
