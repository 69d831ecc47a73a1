import { describe, expect, test } from 'vitest'
import { freePort } from '../servers/free-port.js'
import { startNode } from '../process.js'

describe('on a machine without the program ping, while the server is away', () => {
  const run = async (...args: string[]) => {
    const child = startNode('test/memcached/fixtures/without-ping.ts', {
      args: [`127.0.0.1:${await freePort()}`, ...args],
      env: { PATH: '' },
    })
    const { code } = await child.ended
    return { code, output: child.output() }
  }

  test('the client by itself ends the process', async () => {
    const { code, output } = await run()
    expect(code).not.toBe(0)
    expect(output).toContain('spawn ping ENOENT')
  })

  test('the client that a store was given does not, and the process ends by itself when its work is done', async () => {
    expect(await run('guarded')).toEqual({ code: 0, output: 'alive\n' })
  })
})
