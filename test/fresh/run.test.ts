import { describe, expect, test } from 'vitest'
import { startCommand, type Child } from '../process.js'

const run = (...args: string[]): Child => startCommand(process.execPath, { args: ['dev/run.mjs', ...args] })

describe('node dev/run.mjs, which npm start and npm test are', () => {
  test('says what it can do when asked for something else', async () => {
    const child = run('dance')
    expect(await child.ended).toEqual({ code: 2, signal: null })
    expect(child.output()).toContain('node dev/run.mjs dance: say one of start, test, soak, bench')
  })

  test('fails when the tests fail, and gives them its arguments', async () => {
    const child = run('test', 'no/such/file')
    expect((await child.ended).code).toBe(1)
    expect(child.output()).toContain('no/such/file')
  })

  test('a task of two words gets the arguments after them', async () => {
    const child = run('soak', 'hazelcast', '--minutes', 'many')
    expect(await child.ended).toEqual({ code: 2, signal: null })
    expect(child.output()).toContain('--minutes is "many". Use a whole number, 1 or more.')
  })

  test('passes a signal on, and ends when the demo has ended', { timeout: 60_000 }, async () => {
    const child = run('start', '--port', '0')
    const [url] = await child.printed(/http:\/\/127\.0\.0\.1:\d+/, 50_000)
    expect(await child.stop('SIGTERM')).toEqual({ code: 0, signal: null })
    await expect(fetch(url)).rejects.toThrow()
  })
})
