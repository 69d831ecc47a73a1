import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { startNode, type Child } from '../process.js'
import { demoState, isAlive } from './demo-state.js'

let demo: Child | undefined
afterEach(async () => {
  await demo?.stop('SIGKILL')
  demo = undefined
})

const run = (...args: readonly string[]): Child =>
  (demo = startNode('packages/cli/src/cli.ts', { args: ['demo', ...args], ownGroup: true }))

interface Running {
  readonly url: string
  readonly pids: readonly number[]
}

/** Starts the demo on a free port and waits until its page answers. */
async function start(): Promise<Running> {
  const [url] = await run('--port', '0').printed(/http:\/\/127\.0\.0\.1:\d+/)
  return { url, pids: (await demoState(url)).servers.map(({ pid }) => pid) }
}

async function leavesNothing({ url, pids }: Running): Promise<void> {
  await expect.poll(() => pids.filter(isAlive), { timeout: 5_000 }).toEqual([])
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  expect(error.code).toBe('ECONNREFUSED')
}

describe('holdfast demo', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it cleanly: no process left, the port free', async (signal) => {
    const running = await start()
    expect(await demo?.stop(signal)).toEqual({ code: 0, signal: null })
    await leavesNothing(running)
  })

  test('Ctrl-C may arrive more than once, from the terminal and from npm', async () => {
    const running = await start()
    const again = setInterval(() => void demo?.stop('SIGINT').catch(() => {}), 1)
    const exit = await demo?.ended
    clearInterval(again)
    expect(exit).toEqual({ code: 0, signal: null })
    await leavesNothing(running)
  })

  test('Ctrl-C while a page is open does not wait for it', async () => {
    const running = await start()
    const page = await fetch(`${running.url}/demo/events`)
    expect(await demo?.stop('SIGINT')).toEqual({ code: 0, signal: null })
    await page.text().catch(() => '')
    await leavesNothing(running)
  })

  test('its servers do not survive it, however it dies', async () => {
    const running = await start()
    process.kill(demo?.pid ?? 0, 'SIGKILL')
    await leavesNothing(running)
  })

  test('says what to do when the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    expect(await run('--port', String(port)).ended).toEqual({ code: 1, signal: null })
    expect(demo?.output()).toBe(
      `Port ${port} is taken by another program. End that program, or choose another port: --port ${port + 1} ` +
        `(with npm start: npm start -- --port ${port + 1}).\n`,
    )
    other.close()
  })

  test.each(['http', '-1', '65536', '80.5', ''])('refuses the port "%s" by name', async (port) => {
    expect((await run(`--port=${port}`).ended).code).toBe(1)
    expect(demo?.output()).toContain(`option '--port <number>' argument '${port}' is invalid. A port is a number`)
  })
})

describe('the buttons of the page', () => {
  test('answer to the page alone: not to another site, and not under another name', async () => {
    const { url } = await start()
    const kill = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${url}/demo/kill/A`, { method: 'POST', headers })
    for (const site of ['cross-site', 'same-site', 'none']) {
      expect((await kill({ 'sec-fetch-site': site })).status, site).toBe(403)
    }
    expect(await statusUnderName(url, 'evil.example')).toBe(403)
    expect(await statusUnderName(url, 'localhost')).toBe(200)
    expect((await kill({ 'sec-fetch-site': 'same-origin' })).status).toBe(204)
    expect((await kill({ 'sec-fetch-site': 'same-origin' })).status).toBe(409)
  })

  test('do nothing that the demo does not know', async () => {
    const { url } = await start()
    const press = async (path: string): Promise<number> => (await fetch(url + path, { method: 'POST' })).status
    expect(await press('/demo/kill/Z')).toBe(409)
    expect(await press('/demo/choose/chance')).toBe(409)
    expect(await press('/demo/restart/A')).toBe(409)
    expect(await press('/demo/constructor/A')).toBe(404)
    expect((await fetch(`${url}/demo/page/../cli.js`)).status).toBe(404)
    expect((await demoState(url)).approach).toBe('peer')
  })
})

/** `fetch` sets `Host` itself, so this one is written by hand. */
async function statusUnderName(url: string, name: string): Promise<number> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write(`GET / HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`)
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1])
}
