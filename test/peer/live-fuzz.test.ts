import { expect, test } from 'vitest'
import { helloFrame, PROTOCOL_VERSION } from '../../packages/peer/src/hello.js'
import type { PeerRequest } from '../../packages/peer/src/messages.js'
import { KIND } from '../../packages/peer/src/wire.js'
import { until } from '../servers/until.js'
import { Impostor } from './impostor.js'
import { mutated, randomNumbers, validFrames } from './mutations.js'
import { isRequest } from './shapes.js'
import { newTransport, nodeNames, read } from './transports.js'

const KNOWN = '10.255.255.1:7946'
const SEED = 20_260_102

async function startNode() {
  const [at] = (await nodeNames(1)) as [string]
  const node = newTransport({ self: at, peers: [KNOWN] })
  const asked: PeerRequest[] = []
  await node.start(async (_peer, request) => {
    asked.push(request)
    return request.op === 'read' ? { record: undefined, isFilling: false } : {}
  })
  return { node, at, asked }
}

/** Connections come from many addresses: one address may begin only so many in a second. */
const from = (attempt: number): string => `127.0.1.${1 + (attempt % 200)}`

async function isAlive(at: string): Promise<void> {
  const known = await Impostor.as(KNOWN, at)
  expect(await known.answerTo(1, [KIND.request, 'read', 'k'], (kind) => kind)).toBe(KIND.reply)
  known.socket.destroy()
}

test('frames with something wrong, over connections of a peer that is known: only what is right is asked', async () => {
  const { node, at, asked } = await startNode()
  const frames = validFrames(SEED, 10)
  const random = randomNumbers(SEED)
  const any = (): Buffer => frames[random(frames.length)] as Buffer
  for (let attempt = 1; attempt <= 500; attempt++) {
    const known = await Impostor.as(KNOWN, at, from(attempt))
    const settled = Promise.allSettled([node.call(KNOWN, read('k')), node.call(KNOWN, read('k'))])
    for (let ofThese = 0; ofThese < 6; ofThese++) known.socket.write(mutated(any(), random, any()))
    known.socket.end()
    await Promise.all([settled, known.closed])
  }
  expect(asked.length).toBeGreaterThan(20)
  expect(asked.filter((request) => !isRequest(request))).toEqual([])
  expect(node.counts.droppedFrames).toBeGreaterThan(100)
  await isAlive(at)
}, 60_000)

test('hellos with something wrong are refused or understood, and the node goes on', async () => {
  const { node, at } = await startNode()
  const hello = helloFrame({ version: PROTOCOL_VERSION, name: KNOWN, lookingFor: at, members: [KNOWN, at] })
  const random = randomNumbers(SEED)
  for (let attempt = 1; attempt <= 200; attempt++) {
    const impostor = await Impostor.connect(at, from(attempt))
    impostor.socket.end(mutated(hello, random, hello))
    await impostor.closed
  }
  await until('the last one is', () => node.counts.connections === 0)
  expect(node.counts.refusedHandshakes).toBeGreaterThan(100)
  await isAlive(at)
}, 60_000)
