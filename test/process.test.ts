import { describe, expect, test } from 'vitest'
import { startCommand } from './process.js'

const node = (code: string, ownGroup = false) => startCommand(process.execPath, { args: ['-e', code], ownGroup })

describe('a process that a test starts', () => {
  test('tells what it printed, on both streams, and how it ended', async () => {
    const child = node('console.log("ready on 1234"); console.error("careful"); process.exitCode = 3')
    expect((await child.printed(/ready on (\d+)/))[1]).toBe('1234')
    expect(await child.ended).toEqual({ code: 3, signal: null })
    expect(child.output()).toContain('careful')
  })

  test('ended before it printed what was waited for: the error shows what it said', async () => {
    await expect(node('console.error("port 80 is taken")').printed(/ready/)).rejects.toThrow('port 80 is taken')
  })

  test('never prints what was waited for: the wait ends', async () => {
    const child = node('setInterval(() => {}, 1000)')
    await expect(child.printed(/ready/, 20)).rejects.toThrow('did not print /ready/ in 20 ms')
    expect(await child.stop()).toEqual({ code: null, signal: 'SIGTERM' })
  })

  test('Ctrl-C reaches the children of its group as well', async () => {
    // Both hold the same output, so the end is seen only when both are gone.
    const child = node(
      `process.on('SIGINT', () => process.exit(0))
       const grandchild = "console.log('up'); setInterval(() => {}, 1000)"
       require('child_process').spawn(process.execPath, ['-e', grandchild], { stdio: 'inherit' })`,
      true,
    )
    await child.printed(/up/)
    expect(await child.stop('SIGINT')).toEqual({ code: 0, signal: null })
  })

  test('a command that does not exist is an error for whoever waits', async () => {
    await expect(startCommand('no-such-command').ended).rejects.toThrow('ENOENT')
  })
})
