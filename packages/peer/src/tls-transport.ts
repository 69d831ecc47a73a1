import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, createServer as createTlsServer, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { ConfigError, GatheredWrites, StoreUnavailableError, warnOnce } from '@holdfast/core'
import { newCounts, type TransportCounts } from './counts.js'
import { credentialsOf, isTlsFailure, target, type Credentials, type PeerCertificates } from './credentials.js'
import { keepConnected } from './dial.js'
import { FrameChannel } from './frame-channel.js'
import { HandshakeGate } from './handshake-gate.js'
import { helloFrame, parseHello, PROTOCOL_VERSION, refusalOf, type Refusal } from './hello.js'
import { HANDSHAKE_MS } from './limits.js'
import type { PeerReply, PeerRequest } from './messages.js'
import { PeerConnection } from './peer-connection.js'
import { addressOf, isPeerName, type PeerAddress } from './peer-name.js'
import type { PeerHandler, PeerTransport } from './transport.js'

export interface TlsTransportOptions {
  /** The name of this node, `host:port`, as the others have it in `peers`; it listens there. */
  readonly self: string
  /** The names of the other nodes. The same on all nodes, but for one name while it is being changed. */
  readonly peers: readonly string[]
  /** At least 32 bytes. Several to change it node by node: newest first, all are accepted. */
  readonly secret?: string | readonly string[] | undefined
  /** Certificates instead of a secret. */
  readonly tls?: PeerCertificates | undefined
  /** Where to listen, `host:port`, if not at `self`: behind a translation of addresses. */
  readonly listen?: string | undefined
}

export interface TlsTransport extends PeerTransport {
  readonly counts: TransportCounts
}

interface Ended {
  /** For how long it was usable; undefined if it never was. */
  readonly openMs: number | undefined
  readonly reason: Error
}

interface GreetingEvents {
  onOpen(): void
  onEnd?(ended: Ended): void
}

const LOOK_EVERY_MS = 250
/** Looks without a connection after which it is not left to the other side any more. */
const PATIENCE = 8
/** Attempts with other secrets that are remembered. */
const UNKNOWN_KEYS = 100

/**
 * One TLS 1.3 connection for each pair of nodes; the node whose name sorts first makes it, and again when it is lost; the
 * other does where that has not come for two seconds. Both sides prove that they have the secret before a byte of a message
 * is read. Throws `ConfigError`.
 */
export function tlsTransport(options: TlsTransportOptions): TlsTransport {
  return new TlsPeers(options)
}

class TlsPeers implements TlsTransport {
  readonly #self: string
  readonly #listenAt: PeerAddress
  /** By name. */
  readonly #peers: ReadonlyMap<string, PeerAddress>
  readonly #credentials: Credentials
  readonly #counts = newCounts()
  readonly #writes = new GatheredWrites()
  readonly #gate = new HandshakeGate(() => (this.#counts.refusedHandshakes += 1))
  /** All that are not closed; those to known peers have a connection too. */
  readonly #channels = new Set<FrameChannel>()
  readonly #connections = new Map<string, PeerConnection>()
  readonly #unknownKeys = new Set<string>()
  /** Why peers are not talked to, of those that are there. */
  readonly #refusals = new Map<string, string>()
  readonly #closing = new AbortController()
  readonly #server = createServer({ noDelay: true })
  #handler: PeerHandler | undefined
  #listening: Promise<unknown> | undefined
  readonly #dialling: Promise<void>[] = []
  #closed: Promise<void> | undefined

  constructor({ self, peers, secret, tls, listen }: TlsTransportOptions) {
    this.#self = self
    const address = addressOf('self', self)
    this.#listenAt = listen === undefined ? address : addressOf('listen', listen)
    this.#peers = peersOf(self, peers)
    this.#credentials = credentialsOf(self, { secret, tls }, (...unknown) => this.#noteUnknownKey(...unknown))
  }

  get counts(): TransportCounts {
    return { connections: this.#connections.size, ...this.#counts }
  }

  get refusal(): string | undefined {
    const [first] = this.#refusals.values()
    return first
  }

  async start(handler: PeerHandler): Promise<void> {
    if (this.#handler) throw new Error('The transport was started before.')
    this.#closing.signal.throwIfAborted()
    this.#listening = once(this.#server.listen(this.#listenAt), 'listening')
    await this.#listening
    this.#closing.signal.throwIfAborted()
    this.#handler = handler
    this.#accept()
    const looking = setInterval(() => this.#look(), LOOK_EVERY_MS).unref()
    this.#closing.signal.addEventListener('abort', () => clearInterval(looking))
    for (const [name, address] of this.#peers) this.#dialling.push(this.#keepConnected(name, address))
  }

  async call<Request extends PeerRequest>(peer: string, request: Request): Promise<PeerReply<Request>> {
    const connection = this.#connections.get(peer)
    if (connection) return connection.call(request)
    throw new StoreUnavailableError(`peer ${peer}: there is no connection to it.`, { refused: true })
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#closing.abort(new StoreUnavailableError('peer: the transport is closed.', { refused: true }))
    for (const connection of this.#connections.values()) connection.fail(new Error('the transport was closed'))
    this.#connections.clear()
    for (const channel of this.#channels) channel.end()
    this.#gate.close()
    await Promise.all([this.#stopListening(), ...this.#dialling])
  }

  /** Resolves when all connections that came are closed too. */
  async #stopListening(): Promise<void> {
    await this.#listening?.catch(() => {})
    if (!this.#server.listening) return
    const stopped = once(this.#server, 'close')
    this.#server.close()
    await stopped
  }

  #look(): void {
    for (const connection of this.#connections.values()) connection.look()
  }

  #accept(): void {
    const { server, advice } = this.#credentials
    const tls = createTlsServer(server, (socket) => {
      this.#greet(socket, '', { onOpen: () => this.#gate.passed(socket) })
    })
    tls.on('tlsClientError', (_error, { authorizationError: fault }) => {
      if (fault) this.#tell('CERTIFICATE', '', `The certificate of a node was refused (${String(fault)}). ${advice}`)
    })
    this.#server.on('connection', (socket) => {
      if (this.#gate.admit(socket)) tls.emit('connection', socket)
    })
    // A connection could not be taken; the server listens on.
    this.#server.on('error', () => {})
  }

  /** A secret of ours that the peer does not take is followed by the next one: it may not have the newest yet. */
  async #keepConnected(name: string, address: PeerAddress): Promise<void> {
    const { clients, advice } = this.#credentials
    let refused = 0
    let current = 0
    await keepConnected(async () => {
      if (name < this.#self) await this.#untilMissed(name)
      if (this.#closing.signal.aborted) return 0
      const { openMs, reason } = await this.#dial(name, { ...clients[current], ...target(address) })
      if (openMs !== undefined) refused = 0
      else if (isTlsFailure(reason)) {
        refused += 1
        current = (current + 1) % clients.length
        if (refused >= clients.length)
          this.#refused('SECRET', name, `TLS with ${name} failed (${reason.code}). ${advice}`)
      }
      return openMs ?? 0
    }, this.#closing.signal)
  }

  /** The other side makes the connection, unless its list of nodes is an older one, which does not have this node. */
  async #untilMissed(name: string): Promise<void> {
    const { signal } = this.#closing
    for (let missing = 0; missing < PATIENCE && !signal.aborted;) {
      await sleep(LOOK_EVERY_MS, undefined, { signal, ref: false }).catch(() => {})
      missing = this.#connections.has(name) ? 0 : missing + 1
    }
  }

  #dial(name: string, settings: ConnectionOptions): Promise<Ended> {
    return new Promise((resolve) => {
      const socket = connect(settings)
      const late = setTimeout(() => socket.destroy(new Error('the handshake took too long')), HANDSHAKE_MS).unref()
      let isThere = false
      socket.once('connect', () => (isThere = true))
      this.#greet(socket, name, {
        onOpen: () => clearTimeout(late),
        onEnd: (ended) => {
          clearTimeout(late)
          if (isThere && ended.openMs === undefined) this.#counts.refusedHandshakes += 1
          resolve(ended)
        },
      })
    })
  }

  /** Says hello, listens to the hello of the other side, and begins to talk with it or tells why not. */
  #greet(socket: TLSSocket, lookingFor: string, { onOpen, onEnd }: GreetingEvents): void {
    const ours = {
      version: PROTOCOL_VERSION,
      name: this.#self,
      lookingFor,
      members: [this.#self, ...this.#peers.keys()],
    }
    let open: { readonly name: string; readonly connection: PeerConnection; readonly at: number } | undefined
    const channel = new FrameChannel(socket, this.#counts, this.#writes, (reason = new Error('the peer ended it')) => {
      this.#channels.delete(channel)
      if (open) this.#lost(open.name, open.connection, reason)
      onEnd?.({ openMs: open && performance.now() - open.at, reason })
    })
    this.#channels.add(channel)
    channel.onFrame = (frame) => {
      const theirs = parseHello(frame)
      const refusal = refusalOf(ours, theirs) ?? this.#certificateRefusal(socket, theirs.name)
      if (refusal) {
        this.#refused(refusal.code, theirs.name, refusal.message)
        return channel.end()
      }
      open = { name: theirs.name, connection: this.#open(theirs.name, channel), at: performance.now() }
      onOpen()
    }
    const sayHello = (): void => channel.send(helloFrame(ours), false)
    if (lookingFor) socket.once('secureConnect', sayHello)
    else sayHello()
  }

  /** The connection that a pair had is half-open when there is another one. */
  #open(name: string, channel: FrameChannel): PeerConnection {
    const handler = this.#handler as PeerHandler
    const connection = new PeerConnection(name, channel, handler, this.#counts)
    this.#refusals.delete(name)
    this.#connections.get(name)?.destroy(new Error('the peer has made a new connection'))
    this.#connections.set(name, connection)
    return connection
  }

  #lost(name: string, connection: PeerConnection, reason: Error): void {
    if (this.#connections.get(name) === connection) this.#connections.delete(name)
    connection.fail(reason)
  }

  #certificateRefusal(socket: TLSSocket, name: string): Refusal | undefined {
    const fault = this.#credentials.faultOf(socket, addressOf('the name of a peer', name))
    return fault === undefined ? undefined : { code: 'CERTIFICATE', message: `${name} was refused: ${fault}` }
  }

  /** The first time it may be a node that has a newer secret than this one, and will try an older one next. */
  #noteUnknownKey(keyId: string, name: string): void {
    const attempt = `${keyId} ${name}`
    if (this.#unknownKeys.has(attempt)) {
      const who = isPeerName(name) ? `A node that calls itself ${name}` : 'Somebody'
      this.#tell('SECRET', name, `${who} tried a secret that this node does not have. ${this.#credentials.advice}`)
    }
    if (this.#unknownKeys.size >= UNKNOWN_KEYS) this.#unknownKeys.clear()
    this.#unknownKeys.add(attempt)
  }

  #refused(code: string, peer: string, message: string): void {
    if (this.#peers.has(peer)) this.#refusals.set(peer, message)
    this.#tell(code, peer, message)
  }

  /** Once for each peer of the list and kind of trouble, once for all others together. */
  #tell(code: string, peer: string, message: string): void {
    const about = this.#peers.has(peer) ? peer : 'others'
    warnOnce(`HOLDFAST_PEER_${code} ${this.#self} ${about}`, `peer: ${message}`)
  }
}

function peersOf(self: string, peers: unknown): ReadonlyMap<string, PeerAddress> {
  if (!Array.isArray(peers)) throw new ConfigError(`peer: peers is ${JSON.stringify(peers)}. Give a list of host:port.`)
  const addresses = new Map<string, PeerAddress>()
  for (const [index, name] of (peers as readonly string[]).entries()) {
    const address = addressOf(`peers[${index}]`, name)
    if (name === self || addresses.has(name))
      throw new ConfigError(
        `peer: peers[${index}] is ${name}, which is self or there already. List each other node once.`,
      )
    addresses.set(name, address)
  }
  return addresses
}
