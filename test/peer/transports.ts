import { randomBytes } from 'node:crypto'
import { onTestFinished } from 'vitest'
import type { PeerReplies, PeerRequest } from '../../packages/peer/src/messages.js'
import { tlsTransport, type TlsTransport, type TlsTransportOptions } from '../../packages/peer/src/tls-transport.js'
import type { PeerHandler } from '../../packages/peer/src/transport.js'
import { freePort } from '../servers/free-port.js'
import { until } from '../servers/until.js'

export const newSecret = (): string => randomBytes(32).toString('base64url')
export const SECRET = newSecret()

/** Names of nodes that listen on addresses of their own, 127.0.0.1 and on, in this order. */
export async function nodeNames(howMany: number): Promise<string[]> {
  const port = await freePort()
  return Array.from({ length: howMany }, (_, at) => `127.0.0.${at + 1}:${port}`)
}

/** A transport that closes with the test. */
export function newTransport(options: Partial<TlsTransportOptions> & Pick<TlsTransportOptions, 'self' | 'peers'>) {
  const transport = tlsTransport({ ...(options.tls === undefined && { secret: SECRET }), ...options })
  onTestFinished(() => transport.close())
  return transport
}

/** Transports of all `names`, started and connected to each other; `handler` gets the name of the node that is asked. */
export async function startTransports(
  names: readonly string[],
  handler: (self: string) => PeerHandler,
  options: Partial<TlsTransportOptions> = {},
): Promise<TlsTransport[]> {
  const transports = names.map((self) =>
    newTransport({ self, peers: names.filter((name) => name !== self), ...options }),
  )
  await Promise.all(transports.map((transport, at) => transport.start(handler(names[at] as string))))
  await untilConnected(transports, names.length - 1)
  return transports
}

export const untilConnected = (transports: readonly TlsTransport[], peers = 1): Promise<void> =>
  until(`each is connected to ${peers}`, () => transports.every(({ counts }) => counts.connections === peers))

export const newRecord = (data: string | null = '{"a":1}') => ({
  data,
  revision: data === null ? Number.MAX_SAFE_INTEGER : 1,
  tag: randomBytes(6).toString('base64url'),
  expiresAt: 1_800_000_000_000,
})

export const read = (key: string) => ({ op: 'read', key }) as const

/** A handler of reads only. */
export const answerReads =
  (record: (peer: string, key: string) => PeerReplies['read']['record'] | Promise<PeerReplies['read']['record']>) =>
  async (peer: string, request: PeerRequest): Promise<PeerReplies['read']> => {
    if (request.op !== 'read') throw new Error(`It was asked to ${request.op}.`)
    return { record: await record(peer, request.key), isFilling: false }
  }

/** The key that was asked for comes back as data. */
export const echo = answerReads((_peer, key) => newRecord(key))

export const dataOf = async (reply: Promise<PeerReplies['read']>): Promise<string | null | undefined> =>
  (await reply).record?.data

/** Warnings of Holdfast from now to the end of the test. */
export function collectWarnings(): readonly string[] {
  const messages: string[] = []
  const listen = (warning: Error): void => void messages.push(warning.message)
  process.on('warning', listen)
  onTestFinished(() => void process.off('warning', listen))
  return messages
}
