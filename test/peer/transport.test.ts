import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { SessionTooLargeError, StoreUnavailableError } from '@holdfast/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { PeerRequest } from '../../packages/peer/src/messages.js'
import type { PeerHandler } from '../../packages/peer/src/transport.js'
import { startNode } from '../process.js'
import { freePort } from '../servers/free-port.js'
import { until } from '../servers/until.js'
import {
  answerReads,
  dataOf,
  echo,
  newRecord,
  newSecret,
  newTransport,
  nodeNames,
  read,
  SECRET,
  startTransports,
  untilConnected,
} from './transports.js'

const MIB = 1024 * 1024

/** Two nodes; the first dials. */
async function pair(handler: PeerHandler = echo) {
  const names = (await nodeNames(2)) as [string, string]
  const [a, b] = await startTransports(names, () => handler)
  return { a: a!, b: b!, toB: names[1], toA: names[0] }
}

describe('calls', () => {
  test('go from each node to each other, and say who asks', async () => {
    const names = await nodeNames(3)
    const transports = await startTransports(names, (self) =>
      answerReads((peer, key) => newRecord(`${peer} asked ${self} for ${key}`)),
    )
    for (const [at, from] of names.entries()) {
      for (const to of names.filter((name) => name !== from))
        expect(await dataOf(transports[at]!.call(to, read('k')))).toBe(`${from} asked ${to} for k`)
    }
    expect(transports.map(({ counts }) => counts.connections)).toEqual([2, 2, 2])
  })

  test('a thousand at once, both ways, get each its own answer, and arrive in their order', async () => {
    const asked: string[] = []
    const handler = answerReads(async (peer, key) => {
      asked.push(`${peer} ${key}`)
      // Some are answered at once, some later.
      if (key.endsWith('7')) await new Promise((resolve) => setImmediate(resolve))
      return newRecord(key)
    })
    const { a, b, toA, toB } = await pair(handler)
    const keys = Array.from({ length: 1_000 }, (_, at) => `k${at}`)
    const answers = await Promise.all([
      ...keys.map((key) => dataOf(a.call(toB, read(key)))),
      ...keys.map((key) => dataOf(b.call(toA, read(key)))),
    ])
    expect(answers).toEqual([...keys, ...keys])
    expect(asked.filter((line) => line.startsWith(toA))).toEqual(keys.map((key) => `${toA} ${key}`))
    expect(asked.filter((line) => line.startsWith(toB))).toEqual(keys.map((key) => `${toB} ${key}`))
    expect(a.counts).toMatchObject({ requestsIn: 1_000, requestsOut: 1_000, lateReplies: 0, droppedFrames: 0 })
    expect(a.counts.bytesOut).toBe(b.counts.bytesIn)
    expect(b.counts.bytesOut).toBe(a.counts.bytesIn)
  })

  test('records of a megabyte arrive as they were, both ways and while others pass', async () => {
    const large = '\uFEFFé😀\n"\0'.repeat(MIB / 12)
    const writes: PeerRequest[] = []
    const { a, b, toA, toB } = await pair(async (_peer, request) => {
      if (request.op !== 'write') return { record: newRecord(large), isFilling: true }
      writes.push(request)
      return { written: false, current: request.record }
    })
    const write = { op: 'write', key: 'k', record: newRecord(large), condition: 'newer' } as const
    const [written, ...reads] = await Promise.all([
      a.call(toB, write),
      ...Array.from({ length: 8 }, () => a.call(toB, read('k'))),
      ...Array.from({ length: 8 }, () => b.call(toA, read('k'))),
    ])
    expect(writes).toEqual([write])
    expect(written).toEqual({ written: false, current: write.record })
    for (const { record, isFilling } of reads) expect([record?.data === large, isFilling]).toEqual([true, true])
  })

  test('a record above the limit is refused before anything is sent, and the connection goes on', async () => {
    const { a, toB } = await pair()
    const before = a.counts
    const write = { op: 'write', key: 'k', record: newRecord('x'.repeat(2 * MIB)), condition: 'absent' } as const
    await expect(a.call(toB, write)).rejects.toMatchObject({ code: 'SESSION_TOO_LARGE', limit: 2 * MIB })
    expect(a.counts).toEqual(before)
    expect(await dataOf(a.call(toB, read('k')))).toBe('k')
  })

  test('an answer above the limit is an error to the caller that says so', async () => {
    const { a, toB } = await pair(answerReads(() => newRecord('x'.repeat(2 * MIB))))
    const error = {
      code: 'SESSION_TOO_LARGE',
      limit: 2 * MIB,
      message: expect.stringContaining('the limit is 2097152'),
    }
    await expect(a.call(toB, read('k'))).rejects.toMatchObject(error)
  })

  test('more calls than may wait for one peer are refused, and there is room again when it answers', async () => {
    let answer = (): void => {}
    const waits = new Promise<void>((resolve) => (answer = resolve))
    const { a, b, toB } = await pair(
      answerReads(async (_peer, key) => {
        await waits
        return newRecord(key)
      }),
    )
    const calls = Array.from({ length: 10_000 }, (_, at) => dataOf(a.call(toB, read(`k${at}`))))
    await expect(a.call(toB, read('k'))).rejects.toMatchObject({
      refused: true,
      message: `peer ${toB}: 10000 calls wait for its answers.`,
    })
    await until('all have arrived', () => b.counts.requestsIn === 10_000)
    answer()
    expect((await Promise.all(calls)).at(-1)).toBe('k9999')
    expect(await dataOf(a.call(toB, read('again')))).toBe('again')
    expect(b.counts.floods).toBe(0)
  })
})

describe('what a handler rejects with', () => {
  test.each([
    [new StoreUnavailableError('memory: no.', { refused: true }), { code: 'STORE_UNAVAILABLE', refused: true }],
    [new StoreUnavailableError('memory: late.'), { code: 'STORE_UNAVAILABLE', refused: false }],
    [new TypeError('x is not a function'), { code: 'STORE_UNAVAILABLE', refused: false }],
  ])('%s is StoreUnavailableError at the caller, which names the peer', async (error, expected) => {
    const { a, toB } = await pair(() => Promise.reject(error))
    const message = error.name === 'TypeError' ? `it failed: ${error.message}` : error.message
    await expect(a.call(toB, read('k'))).rejects.toMatchObject({ ...expected, message: `peer ${toB}: ${message}` })
  })

  test('SessionTooLargeError is one at the caller, with its numbers', async () => {
    const { a, toB } = await pair(() => Promise.reject(new SessionTooLargeError(900, 800)))
    await expect(a.call(toB, read('k'))).rejects.toEqual(new SessionTooLargeError(900, 800))
  })

  test('what it throws at once, or says at great length, is an answer too', async () => {
    const { a, toB } = await pair(() => {
      throw new Error('é'.repeat(100_000))
    })
    await expect(a.call(toB, read('k'))).rejects.toMatchObject({
      message: `peer ${toB}: it failed: ${'é'.repeat(489)}`,
    })
  })
})

describe('the end', () => {
  const later = answerReads(() => new Promise<never>(() => {}))

  test('calls that wait reject, those after it are refused, and it may come twice', async () => {
    const { a, b, toA, toB } = await pair(later)
    const [here, there] = [a.call(toB, read('k')), b.call(toA, read('k'))].map((call) =>
      call.then(
        () => 'answered',
        ({ message }: Error) => message,
      ),
    )
    await until('both are asked', () => a.counts.requestsIn + b.counts.requestsIn === 2)
    await Promise.all([a.close(), a.close()])
    const lost = 'the connection was lost before the answer'
    expect(await here).toBe(`peer ${toB}: ${lost}: the transport was closed.`)
    expect(await there).toBe(`peer ${toA}: ${lost}: the peer ended it.`)
    await expect(a.call(toB, read('k'))).rejects.toMatchObject({ refused: true })
    await a.close()
  })

  test('answers that were given before it still arrive', async () => {
    let answered = (): void => {}
    const handled = new Promise<void>((resolve) => (answered = resolve))
    const { a, b, toA } = await pair(
      answerReads((_peer, key) => {
        if (key === 'k63') queueMicrotask(answered)
        return newRecord('x'.repeat(10_000))
      }),
    )
    const calls = Array.from({ length: 64 }, (_, at) => dataOf(b.call(toA, read(`k${at}`))))
    await handled
    await new Promise((resolve) => setImmediate(resolve))
    await a.close()
    expect(await Promise.all(calls)).toHaveLength(64)
  })

  test('comes at once in the middle of handshakes, of ours and of others', async () => {
    const dialled = new Set<Socket>()
    const silent = createServer((socket) => void dialled.add(socket.on('error', () => {})))
    await once(silent.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => void silent.close())
    const listen = `127.0.0.1:${await freePort()}`
    const peer = `127.0.0.1:${(silent.address() as AddressInfo).port}`
    const a = newTransport({ self: '10.255.255.1:7946', listen, peers: [peer] })
    await a.start(echo)
    await until('it dials', () => dialled.size === 1)
    const stranger = connect(Number(listen.split(':')[1]), '127.0.0.1').on('error', () => {})
    await once(stranger, 'connect')
    const gone = Promise.all([...dialled, stranger].map((socket) => once(socket.resume(), 'close')))
    const startedAt = performance.now()
    await a.close()
    await gone
    expect(performance.now() - startedAt).toBeLessThan(1_000)
  })

  test('of a process comes when it has closed them, though a peer is not there and calls wait', async () => {
    const names = await nodeNames(2)
    const { ended, output } = startNode('test/peer/fixtures/ends-by-itself.ts', { args: names })
    expect({ ...(await ended), output: output() }).toEqual({ code: 0, signal: null, output: 'closed\n' })
  })

  test('an address that is taken is an error of the start', async () => {
    const { toA } = await pair()
    const second = newTransport({ self: toA, peers: [] })
    await expect(second.start(echo)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await second.close()
  })

  test('a close in the middle of the start leaves nothing that listens', async () => {
    const [name] = (await nodeNames(1)) as [string]
    const first = newTransport({ self: name, peers: [] })
    const starting = expect(first.start(echo)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await first.close()
    await starting
    await newTransport({ self: name, peers: [] }).start(echo)
  })
})

describe('secrets', () => {
  const nextOf = (secret: string | readonly string[], names: readonly string[], at: number) =>
    newTransport({ self: names[at]!, peers: names.filter((_, other) => other !== at), secret })

  test('change node by node, and no node is cut off meanwhile', async () => {
    const names = await nodeNames(2)
    const [old, next] = [SECRET, newSecret()]
    const nodes = [nextOf(old, names, 0), nextOf(old, names, 1)]
    await Promise.all(nodes.map((node) => node.start(echo)))
    await untilConnected(nodes)
    const steps: readonly (readonly [at: number, secret: string | readonly string[]])[] = [
      [0, [next, old]],
      [1, [next, old]],
      [0, next],
      [1, next],
    ]
    for (const [at, secret] of steps) {
      await nodes[at]!.close()
      nodes[at] = nextOf(secret, names, at)
      await nodes[at].start(echo)
      await untilConnected(nodes)
      expect(await dataOf(nodes[0]!.call(names[1]!, read('k')))).toBe('k')
    }
  })

  test('change from the other end too', async () => {
    const names = await nodeNames(2)
    const [old, next] = [SECRET, newSecret()]
    const nodes = [nextOf(old, names, 0), nextOf([next, old], names, 1)]
    await Promise.all(nodes.map((node) => node.start(echo)))
    await untilConnected(nodes)
  })
})

test('nodes find each other by IPv6', async () => {
  const port = await freePort()
  const names = [`[::1]:${port}`, `127.0.0.1:${port}`].sort() as [string, string]
  const [a] = await startTransports(names, () => echo)
  expect(await dataOf(a!.call(names[1], read('k')))).toBe('k')
})

test('a node that listens elsewhere is known by its name', async () => {
  const [name, port] = ['10.255.255.1:7946', await freePort()]
  const there = `127.0.0.1:${await freePort()}`
  const a = newTransport({ self: name, peers: [there], listen: `127.0.0.1:${port}` })
  const b = newTransport({ self: there, peers: [name] })
  await Promise.all([a.start(echo), b.start(answerReads((peer) => newRecord(peer)))])
  await untilConnected([a, b])
  expect(await dataOf(a.call(there, read('k')))).toBe(name)
})
