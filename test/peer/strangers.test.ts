import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { KIND } from '../../packages/peer/src/wire.js'
import type { PeerRequest } from '../../packages/peer/src/messages.js'
import type { TlsTransport } from '../../packages/peer/src/tls-transport.js'
import { freePort } from '../servers/free-port.js'
import { until } from '../servers/until.js'
import { Impostor } from './impostor.js'
import {
  answerReads,
  collectWarnings,
  dataOf,
  echo,
  newRecord,
  newSecret,
  newTransport,
  nodeNames,
  read,
  startTransports,
  untilConnected,
} from './transports.js'

/** Sorts before every other name here: a node waits for it to dial. */
const KNOWN = '10.255.255.1:7946'

/** A node that waits for `KNOWN`, and what it was asked. */
async function startNode(handler = echo): Promise<{ node: TlsTransport; at: string; asked: PeerRequest[] }> {
  const [at] = (await nodeNames(1)) as [string]
  const asked: PeerRequest[] = []
  const node = newTransport({ self: at, peers: [KNOWN] })
  await node.start((peer, request) => {
    asked.push(request)
    return handler(peer, request)
  })
  return { node, at, asked }
}

function connectTcp(address: string): Socket {
  const [host, port] = address.split(':')
  const socket = connect(Number(port), host).on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return socket.resume()
}

const closed = (socket: Socket): Promise<unknown> => new Promise((resolve) => socket.once('close', resolve))

const isRefused = (node: TlsTransport, times = 1): Promise<void> =>
  until(`${times} were refused`, () => node.counts.refusedHandshakes === times)

describe('before TLS', () => {
  test.each([
    ['a request of HTTP', 'GET / HTTP/1.1\r\n\r\n'],
    ['a frame', '\0\0\0\x01\x01'],
    ['noise', Buffer.alloc(50_000, 0xe5)],
    ['a record of TLS that lies about its length', Buffer.from([22, 3, 1, 0xff, 0xff, 1])],
  ])('%s ends the connection, is counted, and the node goes on', async (_, garbage) => {
    const { node, at, asked } = await startNode()
    const socket = connectTcp(at)
    socket.write(garbage)
    await closed(socket)
    await isRefused(node)
    const known = await Impostor.as(KNOWN, at)
    expect(await known.answerTo(1, [KIND.request, 'read', 'k'], (kind) => kind)).toBe(KIND.reply)
    expect([node.counts.connections, node.counts.droppedFrames, asked.length]).toEqual([1, 0, 1])
  })

  test('one that says nothing is let go after two seconds', async () => {
    const { node, at } = await startNode()
    const startedAt = performance.now()
    await closed(connectTcp(at))
    expect(performance.now() - startedAt).toBeGreaterThan(1_900)
    expect(performance.now() - startedAt).toBeLessThan(4_000)
    await isRefused(node)
  })

  test('a crowd has 64 places for each address; a peer that is connected does not notice, nor one that comes from elsewhere', async () => {
    const { node, at } = await startNode()
    const known = await Impostor.as(KNOWN, at)
    const crowd = Array.from({ length: 100 }, () => connectTcp(at))
    await isRefused(node, 36)
    expect(await known.answerTo(1, [KIND.request, 'read', 'k'], (kind) => kind)).toBe(KIND.reply)
    const [host, port] = at.split(':')
    const elsewhere = connect({ host: host!, port: Number(port), localAddress: '127.0.0.9' }).on('error', () => {})
    onTestFinished(() => void elsewhere.destroy())
    await once(elsewhere, 'connect')
    await isRefused(node, 100)
    expect(crowd.every((socket) => socket.destroyed)).toBe(true)
    await isRefused(node, 101)
  })

  test('one that goes on coming is let in so many times in a second', async () => {
    const { node, at } = await startNode()
    const [host = '', port] = at.split(':')
    const come = async (): Promise<string> => {
      const socket = connectTls({ host, port: Number(port), rejectUnauthorized: false })
      return once(socket, 'secureConnect').then(String, ({ code }: NodeJS.ErrnoException) => code ?? '')
    }
    let answered = 0
    const startedAt = performance.now()
    for (let round = 0; round < 40; round++) {
      const codes = await Promise.all(Array.from({ length: 10 }, come))
      answered += codes.filter((code) => code.startsWith('ERR_SSL')).length
    }
    const seconds = Math.floor((performance.now() - startedAt) / 1_000)
    expect(answered).toBeGreaterThan(0)
    expect(answered).toBeLessThanOrEqual(128 * (seconds + 2))
    await isRefused(node, 400)
    await until('a peer from there is let in again', async () => {
      const known = await Impostor.connect(at)
      known.sayHello({ name: KNOWN, lookingFor: at, members: [KNOWN, at] })
      await until('it is known', () => node.counts.connections === 1, 500)
      return true
    })
  })
})

describe('without the secret', () => {
  test('a node is refused, both sides count it, and each says once what to check', async () => {
    const warnings = collectWarnings()
    const names = await nodeNames(2)
    const [a, b] = [0, 1].map((at) =>
      newTransport({ self: names[at]!, peers: [names[1 - at]!], secret: newSecret() }),
    ) as [TlsTransport, TlsTransport]
    await Promise.all([a.start(echo), b.start(echo)])
    await until('it was tried four times', () => a.counts.refusedHandshakes >= 4 && b.counts.refusedHandshakes >= 4)
    expect(warnings).toEqual([
      `peer: TLS with ${names[1]} failed (ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE). Check that secret is the same on both nodes.`,
      `peer: A node that calls itself ${names[0]} tried a secret that this node does not have. Check that secret is the same on both nodes.`,
    ])
    expect([a.counts.connections, b.counts.connections, b.counts.bytesIn]).toEqual([0, 0, 0])
  })

  test('a client of TLS without a key, or with another version of it, gets nowhere', async () => {
    const { node, at } = await startNode()
    const [host, port] = at.split(':')
    for (const settings of [{}, { maxVersion: 'TLSv1.2' as const, ciphers: 'PSK' }]) {
      const socket = connectTls({ host: host!, port: Number(port), rejectUnauthorized: false, ...settings })
      await expect(once(socket, 'secureConnect')).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_SSL/) })
    }
    await isRefused(node, 2)
  })

  test('a service that is none of ours does not stop a node from dialling it', async () => {
    const warnings = collectWarnings()
    let dialled = 0
    const other = createServer((socket) => {
      dialled += 1
      socket.on('error', () => {}).end('220 mail.example.org ESMTP\r\n')
    })
    await once(other.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => void other.close())
    const peer = `127.0.0.1:${(other.address() as AddressInfo).port}`
    const a = newTransport({ self: KNOWN, listen: `127.0.0.1:${await freePort()}`, peers: [peer] })
    await a.start(echo)
    await until('it dials again', () => dialled >= 3)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain(`TLS with ${peer} failed`)
  })
})

test('what is said is encrypted with TLS 1.3, under keys of this connection only', async () => {
  const { at } = await startNode()
  const { socket } = await Impostor.connect(at)
  expect(socket.getProtocol()).toBe('TLSv1.3')
  expect(socket.getCipher().name).toBe('TLS_AES_128_GCM_SHA256')
  expect(socket.getEphemeralKeyInfo()).toMatchObject({ type: 'ECDH', name: 'X25519' })
})

describe('with the secret, before the hello is right', () => {
  const breaking: readonly [what: string, bytes: Buffer][] = [
    ['a length above the limit', Buffer.from([0, 1, 0, 1, 0])],
    ['a length of nothing', Buffer.from([0, 0, 0, 0])],
    ['noise', Buffer.alloc(10_000, 0xe5)],
    ['a frame that is not MessagePack', Buffer.from([0, 0, 0, 1, 0xc1])],
    ['a request', Buffer.from([0, 0, 0, 3, 1, 0, 0xa1])],
  ]
  test.each(breaking)('%s ends the connection and is counted', async (_, bytes) => {
    const { node, at } = await startNode()
    const impostor = await Impostor.connect(at)
    impostor.socket.write(bytes)
    await impostor.closed
    await isRefused(node)
    expect([node.counts.droppedFrames, node.counts.connections]).toEqual([1, 0])
  })

  test('silence ends it after two seconds', async () => {
    const { node, at } = await startNode()
    const impostor = await Impostor.connect(at)
    await impostor.closed
    await isRefused(node)
  })
})

describe('a node that does not fit is refused with a sentence on both sides', () => {
  const refusedFor = async (parts: object, expected: (at: string) => string): Promise<void> => {
    const { node, at } = await startNode()
    const warnings = collectWarnings()
    const impostor = await Impostor.connect(at)
    impostor.sayHello({ name: KNOWN, lookingFor: at, members: [KNOWN, at], ...parts })
    await impostor.closed
    await isRefused(node)
    await until('it was said', () => warnings.length > 0)
    expect(warnings).toEqual([expected(at)])
    // The hello of the node came first, so that the other one can say why too.
    expect(impostor.frames).toHaveLength(1)
    expect(node.counts.connections).toBe(0)
  }

  test('of another version', () =>
    refusedFor(
      { version: 2 },
      () =>
        `peer: ${KNOWN} speaks version 2 of the peer protocol, this node speaks 1. Run the same version of @holdfast/peer on all nodes.`,
    ))

  test('that is not in the list', () =>
    refusedFor(
      { name: '10.9.9.9:1' },
      (at) => `peer: 10.9.9.9:1 is not in the list of ${at}, which is ${at}, ${KNOWN}. Give all nodes the same list.`,
    ))

  test('that looks for somebody else', () =>
    refusedFor(
      { lookingFor: 'other:1' },
      (at) => `peer: The node at other:1 calls itself ${at}. Its self has to be its name in the lists of the others.`,
    ))

  test('whose list differs by more than one name, in both processes', async () => {
    const warnings = collectWarnings()
    const names = (await nodeNames(4)) as [string, string, string, string]
    const a = newTransport({ self: names[0], peers: [names[1]] })
    const b = newTransport({ self: names[1], peers: [names[0], names[2], names[3]] })
    await Promise.all([a.start(echo), b.start(echo)])
    await until('it was tried three times', () => a.counts.refusedHandshakes >= 3 && b.counts.refusedHandshakes >= 3)
    const lists = [names.slice(0, 2), [names[1], names[0], names[2], names[3]]].map((list) => list.join(', '))
    const [ofA, ofB] = [`that of ${names[0]} is ${lists[0]}`, `that of ${names[1]} is ${lists[1]}`]
    const [start, end] = ['peer: The lists differ by more than one name:', 'Change them by one name at a time.']
    expect([...warnings].sort()).toEqual([`${start} ${ofA} and ${ofB}. ${end}`, `${start} ${ofB} and ${ofA}. ${end}`])
  })

  test('but not for one name more', async () => {
    const names = (await nodeNames(3)) as [string, string, string]
    const a = newTransport({ self: names[0], peers: [names[1]] })
    const b = newTransport({ self: names[1], peers: [names[0], names[2]] })
    await Promise.all([a.start(echo), b.start(echo)])
    await untilConnected([a, b])
    expect(await dataOf(a.call(names[1], read('k')))).toBe('k')
  })
})

describe('a peer that is known', () => {
  const failure = (kind: number, fields: { flag(what: string): boolean; text(what: string): string }) => ({
    kind,
    refused: fields.flag('refused'),
    message: fields.text('message'),
  })

  test.each([
    ['an op of a newer node', ['steal', 'k'], 'it asks for "steal", which this node does not know'],
    ['a key that is none', ['read', '../k'], 'its key is wrong'],
    ['a record of the wrong type', ['write', 'k', '{}', 1, 'abcdefgh', 5, 'newer'], 'its data is wrong'],
    [
      'a condition that is none',
      ['write', 'k', null, 1, 'abcdefgh', 5, 'maybe'],
      'its condition is "maybe", which this node does not know',
    ],
    ['a field too many', ['read', 'k', 1], 'it has more fields than it should'],
    ['a field too few', ['read'], 'it ends before its key'],
  ] as const)('that asks with %s is told, and goes on', async (_, fields, why) => {
    const { node, at, asked } = await startNode()
    const known = await Impostor.as(KNOWN, at)
    const answer = await known.answerTo(1, [KIND.request, ...fields], failure)
    expect(answer).toEqual({ kind: KIND.failure, refused: true, message: `it dropped the request: ${why}` })
    expect(await known.answerTo(2, [KIND.request, 'read', 'k'], (kind) => kind)).toBe(KIND.reply)
    expect(asked).toEqual([read('k')])
    expect(node.counts).toMatchObject({ droppedFrames: 1, connections: 1, requestsIn: 1 })
  })

  test.each([
    ['no number', Buffer.from([0, 0, 0, 1, 0xc0])],
    ['no kind', Buffer.from([0, 0, 0, 2, 1, 0xa0])],
    ['no MessagePack', Buffer.from([0, 0, 0, 3, 1, 0, 0xc1])],
    ['a length above the limit', Buffer.from([0, 0x20, 0, 1])],
  ])('that sends a frame with %s is cut off', async (_, bytes) => {
    const { node, at } = await startNode()
    const known = await Impostor.as(KNOWN, at)
    known.socket.write(bytes)
    await known.closed
    expect(node.counts).toMatchObject({ droppedFrames: 1, connections: 0 })
    await Impostor.as(KNOWN, at)
  })

  test('that answers what nobody asked is not heard, and counted', async () => {
    const { node, at } = await startNode()
    const known = await Impostor.as(KNOWN, at)
    for (const kind of [KIND.reply, KIND.failure, KIND.tooLarge, 9]) known.send(1, kind, true)
    await until('they have come', () => node.counts.lateReplies === 4)
    expect(node.counts.connections).toBe(1)
  })

  test.each([
    ['a record without a tag', [KIND.reply, false, true, null, 5], 'it ends before its tag'],
    ['a record that is none', [KIND.reply, false, true, 7, 5, 'abcdefgh', 9], 'its data is wrong'],
    ['of no known kind', [9], 'it is of kind 9, which this node does not know'],
    ['an error that is none', [KIND.failure, 'no'], 'its refused is wrong'],
  ] as const)('that answers %s is not believed: the call rejects', async (_, fields, why) => {
    const { node, at } = await startNode()
    const known = await Impostor.as(KNOWN, at)
    const call = node.call(KNOWN, read('k'))
    known.send(1, ...fields)
    await expect(call).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      refused: false,
      message: `peer ${KNOWN}: its answer was dropped: ${why}.`,
    })
    known.send(1, KIND.reply, false, false)
    await until('a second answer is late', () => node.counts.lateReplies === 1)
    expect(node.counts).toMatchObject({ droppedFrames: 1, connections: 1 })
  })

  test('that connects again takes the place of its first connection, whose calls reject', async () => {
    const { node, at } = await startNode()
    const first = await Impostor.as(KNOWN, at)
    const lost = expect(node.call(KNOWN, read('k'))).rejects.toMatchObject({
      message: `peer ${KNOWN}: the connection was lost before the answer: the peer has made a new connection.`,
    })
    const second = await Impostor.as(KNOWN, at)
    await lost
    await first.closed
    expect(node.counts.connections).toBe(1)
    expect(await second.answerTo(1, [KIND.request, 'read', 'k'], (kind) => kind)).toBe(KIND.reply)
  })

  test('that asks for more than 10,000 answers at once is cut off, and may come again', async () => {
    const { node, at, asked } = await startNode(answerReads(() => new Promise<never>(() => {})))
    const known = await Impostor.as(KNOWN, at)
    for (let id = 1; id <= 10_001; id++) known.send(id, KIND.request, 'read', 'k')
    await known.closed
    expect(node.counts).toMatchObject({ floods: 1, requestsIn: 10_000, connections: 0 })
    expect(asked).toHaveLength(10_000)
    await Impostor.as(KNOWN, at)
  })

  test('that does not read its answers gets no more of them than 20 MiB', async () => {
    const text = 'x'.repeat(1024 * 1024)
    let encoded = 0
    const large = {
      ...newRecord(),
      get data() {
        encoded += 1
        return text
      },
    }
    const { node, at } = await startNode(answerReads(() => large))
    const known = await Impostor.as(KNOWN, at)
    known.socket.pause()
    let id = 0
    await until('it is cut off', () => {
      for (let at = 0; at < 5_000; at++) known.send((id += 1), KIND.request, 'read', 'k')
      return node.counts.floods === 1
    })
    expect(node.counts.connections).toBe(0)
    // What the kernels of both sides take comes on top.
    expect(node.counts.bytesOut).toBeLessThan(40 * 1024 * 1024)
    expect(encoded).toBeLessThan(40)
  })

  test('that does not read what it is asked is not asked any more', async () => {
    const { node, at } = await startNode()
    const known = await Impostor.as(KNOWN, at)
    known.socket.pause()
    const write = { op: 'write', key: 'k', record: newRecord('x'.repeat(1024 * 1024)), condition: 'newer' } as const
    const outcomes: Promise<string>[] = []
    const refused = `peer ${KNOWN}: too much waits to be sent.`
    for (let at = 0; at < 40; at++)
      outcomes.push(
        node.call(KNOWN, write).then(
          () => 'done',
          ({ message, refused }) => `${message} ${refused}`,
        ),
      )
    known.socket.destroy()
    const said = await Promise.all(outcomes)
    const refusals = said.filter((outcome) => outcome === `${refused} true`)
    expect(refusals.length).toBeGreaterThanOrEqual(20)
    expect(said.length - refusals.length).toBeGreaterThanOrEqual(16)
    expect(said.filter((outcome) => outcome.endsWith(' false'))).toHaveLength(said.length - refusals.length)
  })
})

test('a node among strangers talks with its peers as if they were not there', async () => {
  const names = (await nodeNames(2)) as [string, string]
  const [a] = await startTransports(names, () => echo)
  const noise = setInterval(() => connectTcp(names[1]).end('noise'), 2)
  onTestFinished(() => clearInterval(noise))
  for (let at = 0; at < 200; at++) expect(await dataOf(a!.call(names[1], read(`k${at}`)))).toBe(`k${at}`)
})
