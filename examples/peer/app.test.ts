import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startNode, type Child } from '../../test/process.js'
import { freePort } from '../../test/servers/free-port.js'
import { until } from '../../test/servers/until.js'

interface Answer {
  readonly visits: number
  readonly answeredBy: number
}

describe('three processes that keep the sessions among themselves', { timeout: 120_000 }, () => {
  let app: Child
  let address: string
  let cookie: string
  let visits: number
  beforeEach(async () => {
    const PEERS = (await Promise.all([freePort(), freePort(), freePort()])).map((port) => `127.0.0.1:${port}`).join()
    const SESSION_SECRET = 'a secret for this test, 32 bytes or more'
    const HOLDFAST_PEER_SECRET = 'another one for this test of 32 bytes or more'
    const env = { NODE_ENV: 'development', PORT: '0', SESSION_SECRET, HOLDFAST_PEER_SECRET, PEERS }
    app = startNode('examples/peer/app.ts', { env })
    await app.printed(/(http:.*\n[^]*){3}/, 40_000)
    address = /http:\/\/localhost:\d+/.exec(app.output())?.[0] ?? ''
    cookie = ''
    visits = 0
  })
  afterEach(() => app.stop('SIGKILL'))

  const pids = (): readonly number[] => [...app.output().matchAll(/process (\d+)/g)].map(([, pid]) => Number(pid))

  /** On a connection of its own, as node:cluster shares out connections. */
  async function get(path: string): Promise<unknown> {
    const response = await fetch(address + path, { headers: { cookie, connection: 'close' } })
    cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie
    return response.ok ? response.json() : response.status
  }

  /** Each visit is counted, whoever answers. */
  async function visit(): Promise<number> {
    const answer = (await get('/')) as Answer
    expect(answer).toEqual({ visits: ++visits, answeredBy: expect.any(Number) as number })
    return answer.answeredBy
  }

  async function visitUntilAllAnswered(): Promise<void> {
    const answered = new Set<number>()
    await until('all three answer', async () => answered.add(await visit()).size >= 3)
  }

  test.each(['SIGKILL', 'SIGTERM'] as const)('one after the other ends by %s: no visit is lost', async (signal) => {
    await visitUntilAllAnswered()
    for (const pid of pids()) {
      const started = pids().length
      process.kill(pid, signal)
      // Until node:cluster has noticed, it gives connections to a process that was killed, where they hang.
      if (signal === 'SIGKILL') await app.printed(new RegExp(`ended: ${pid}\\b`))
      await until('another takes its place', async () => {
        await visit()
        return pids().length > started
      })
    }
    await visitUntilAllAnswered()
  })

  test('they say that they should get requests', async () => {
    expect(await get('/health')).toEqual({ ok: true })
  })

  test('all of them end on SIGTERM', async () => {
    await visit()
    expect(await app.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  })
})
