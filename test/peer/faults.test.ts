import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { TlsTransport } from '../../packages/peer/src/tls-transport.js'
import { faultProxy, type FaultProxy } from '../servers/fault-proxy.js'
import { freePort } from '../servers/free-port.js'
import { until } from '../servers/until.js'
import { answerReads, dataOf, echo, newRecord, newTransport, read, untilConnected } from './transports.js'

/** Its name sorts before that of the proxy: it dials. */
const A = '10.255.255.1:7946'

interface Pair {
  readonly a: TlsTransport
  readonly b: TlsTransport
  readonly toB: string
  readonly proxy: FaultProxy
}

/** Two nodes with a proxy between them. */
async function startPair(handler = echo): Promise<Pair> {
  const port = await freePort()
  const proxy = await faultProxy({ host: '127.0.0.1', port })
  onTestFinished(() => proxy.close())
  const toB = `127.0.0.1:${proxy.port}`
  const a = newTransport({ self: A, peers: [toB], listen: `127.0.0.1:${await freePort()}` })
  const b = newTransport({ self: toB, peers: [A], listen: `127.0.0.1:${port}` })
  await Promise.all([a.start(handler), b.start(handler)])
  await untilConnected([a, b])
  return { a, b, toB, proxy }
}

const never = answerReads(() => new Promise<never>(() => {}))

const isLost = (call: Promise<unknown>, peer: string) =>
  expect(call).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
    refused: false,
    message: expect.stringContaining(`peer ${peer}: the connection was lost before the answer: `),
  })

/** Calls both ways are answered, on a connection that both hold for theirs. */
async function talk({ a, b, toB }: Pair): Promise<void> {
  await until(
    'both answer',
    async () => (await dataOf(a.call(toB, read('k')))) === 'k' && (await dataOf(b.call(A, read('k')))) === 'k',
  )
  expect([a.counts.connections, b.counts.connections]).toEqual([1, 1])
}

describe('a connection that is cut', () => {
  test('fails the calls that wait, on both sides, and there is another one at once', async () => {
    const pair = await startPair(never)
    const { a, b, toB, proxy } = pair
    const lost = [isLost(a.call(toB, read('k')), toB), isLost(b.call(A, read('k')), A)]
    await until('both are asked', () => a.counts.requestsIn + b.counts.requestsIn === 2)
    proxy.reset()
    await Promise.all(lost)
    const startedAt = performance.now()
    await untilConnected([a, b])
    expect(performance.now() - startedAt).toBeLessThan(2_000)
  })

  test('again and again does not cost the next one', async () => {
    const pair = await startPair()
    for (let round = 0; round < 10; round++) {
      pair.proxy.reset()
      await talk(pair)
    }
  })

  test.each(['toServer', 'toClient'] as const)('by an end %s is made anew', async (direction) => {
    const pair = await startPair(never)
    const { a, toB, proxy } = pair
    const lost = isLost(a.call(toB, read('k')), toB)
    proxy.halfClose(direction)
    await lost
    await untilConnected([pair.a, pair.b])
  })

  test('in the middle of frames leaves no half of one', async () => {
    const pair = await startPair()
    const { a, b, toB, proxy } = pair
    const large = newRecord('x'.repeat(300_000))
    const write = { op: 'write', key: 'k', record: large, condition: 'newer' } as const
    for (const bytes of [1, 20, 1_000, 100_000]) {
      proxy.cutAfter(bytes, { direction: 'toServer', established: true })
      await isLost(a.call(toB, write), toB)
      await talk(pair)
    }
    expect(b.counts.droppedFrames).toBe(0)
  })

  test.each(['toServer', 'toClient'] as const)(
    'by a byte that changed %s is one that was not sent',
    async (direction) => {
      const pair = await startPair()
      const { a, b, toB, proxy } = pair
      for (const byte of [1, 5, 6, 25]) {
        proxy.corrupt(byte, { direction, established: true })
        await isLost(a.call(toB, read('k')), toB)
        await talk(pair)
      }
      expect([a.counts.droppedFrames, b.counts.droppedFrames]).toEqual([0, 0])
    },
  )
})

describe('a connection on which nothing comes any more', () => {
  test('is given up while an answer is owed, and made anew', async () => {
    const pair = await startPair()
    const { a, b, toB, proxy } = pair
    proxy.drop({ established: true })
    const startedAt = performance.now()
    await Promise.all([isLost(a.call(toB, read('k')), toB), isLost(b.call(A, read('k')), A)])
    expect(performance.now() - startedAt).toBeGreaterThan(1_900)
    expect(performance.now() - startedAt).toBeLessThan(6_000)
    await talk(pair)
  })

  test('is replaced where only one side knows: a new one takes its place on the other', async () => {
    const pair = await startPair(never)
    const { a, b, toB, proxy } = pair
    const known = a.call(toB, read('k'))
    // B hears nothing of it: it has no call that waits.
    proxy.drop({ established: true, direction: 'toServer' })
    await isLost(known, toB)
    await untilConnected([a, b])
    const lost = isLost(b.call(A, read('k')), A)
    await until('it arrives', () => a.counts.requestsIn === 1)
    proxy.reset()
    await lost
  })

  test('is not given up while answers come, however late one of them is', async () => {
    const pair = await startPair(
      answerReads(async (_peer, key) => {
        if (key === 'late') await new Promise((resolve) => setTimeout(resolve, 3_000))
        return newRecord(key)
      }),
    )
    let isAnswered = false
    const late = dataOf(pair.a.call(pair.toB, read('late'))).finally(() => (isAnswered = true))
    while (!isAnswered) {
      expect(await dataOf(pair.a.call(pair.toB, read('soon')))).toBe('soon')
      await sleep(200)
    }
    expect(await late).toBe('late')
  })
})

describe('a peer that cannot be reached', () => {
  test('is dialled until it can, and calls are refused meanwhile', async () => {
    const pair = await startPair()
    const { a, b, toB, proxy } = pair
    proxy.refuse()
    proxy.reset()
    await until('both know', () => a.counts.connections + b.counts.connections === 0)
    await expect(a.call(toB, read('k'))).rejects.toMatchObject({ refused: true })
    await expect(b.call(A, read('k'))).rejects.toMatchObject({ refused: true })
    await proxy.heal()
    await talk(pair)
    expect(a.counts.refusedHandshakes).toBe(0)
  })

  test('because all is swallowed on the way is given two seconds, and dialled again', async () => {
    const pair = await startPair()
    const { a, b, proxy } = pair
    proxy.drop()
    proxy.reset()
    await until('two attempts have failed', () => a.counts.refusedHandshakes >= 2, 10_000)
    expect(b.counts.connections).toBe(0)
    await proxy.heal()
    await talk(pair)
  })

  test('does not keep a close waiting', async () => {
    const { a, b, proxy } = await startPair()
    proxy.drop()
    const startedAt = performance.now()
    await Promise.all([a.close(), b.close()])
    expect(performance.now() - startedAt).toBeLessThan(1_000)
  })
})
