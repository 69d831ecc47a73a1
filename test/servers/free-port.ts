import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

const given = new Set<number>()

/**
 * A port of 127.0.0.1 on which nobody listens, and which this process has not been given before. It lies below those that
 * the kernel gives to clients (32768 and above on Linux), so that no connection takes it while its server restarts, and
 * no client that tries again and again connects to itself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 32_000)
    if (given.has(port) || !(await isFree(port))) continue
    given.add(port)
    return port
  }
}

/** So many free ports in a row. */
export async function freePorts(count: number): Promise<readonly number[]> {
  for (;;) {
    const first = await freePort()
    const ports = Array.from({ length: count }, (_, i) => first + i)
    const areFree = await Promise.all(ports.map(async (port) => port === first || (!given.has(port) && isFree(port))))
    if (!areFree.every(Boolean)) continue
    for (const port of ports) given.add(port)
    return ports
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer()
  try {
    await once(probe.listen(port, '127.0.0.1'), 'listening')
    return true
  } catch {
    return false
  } finally {
    probe.close()
  }
}
