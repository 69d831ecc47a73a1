import { ConfigError } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { PeerNode } from './peer-node.js'
import { PeerSessions, type PeerStore } from './peer-sessions.js'
import { tlsTransport, type TlsTransportOptions } from './tls-transport.js'

export interface PeerStoreOptions extends Pick<TlsTransportOptions, 'self' | 'tls' | 'listen'> {
  /** All nodes, `host:port`; this one may be among them, so that all can be given the same list. */
  readonly peers: readonly string[]
  /** At least 32 bytes, the same on all nodes. Several to change it node by node: newest first, all are accepted. */
  readonly secret?: string | undefined | readonly (string | undefined)[]
  /** Copies of each session beside the first. Default 1. */
  readonly backups?: number | undefined
  /** What one of three or more nodes does that hears nobody: `'serve'` (default) what it has, or `'refuse'`. */
  readonly isolated?: 'serve' | 'refuse' | undefined
  /** Memory for the sessions of this node, in bytes; default 256 MiB. */
  readonly maxBytes?: number | undefined
  /** Sessions on this node, in its own share and as a backup; default 1,000,000. */
  readonly maxSessions?: number | undefined
  /** Ms since the epoch; default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

/**
 * Keeps sessions in the app servers themselves: each has a primary and a backup among them, and a write is acknowledged
 * when both have it. Begins at once to listen on `self`, and to look for the others. Throws `ConfigError`.
 */
export function peerStore(options: PeerStoreOptions): PeerStore {
  const { self, peers, secret, tls, listen, backups = 1, isolated = 'serve', maxBytes, maxSessions } = options
  const { clock = Date.now } = options
  if (!Array.isArray(peers)) throw new ConfigError("peerStore: peers is missing. Give the nodes, as ['10.0.0.2:7946'].")
  const others = [...new Set(peers)].filter((name) => name !== self)
  if (others.length === 0)
    throw new ConfigError(`peerStore: there is no node beside ${self}. Give two or more, or use 'memory:' for one.`)
  if (!(Number.isInteger(backups) && backups >= 1 && backups <= others.length)) {
    throw new ConfigError(
      `peerStore: backups is ${backups}. Use a whole number from 1 to ${others.length}: so many other nodes there are.`,
    )
  }
  if (isolated !== 'serve' && isolated !== 'refuse')
    throw new ConfigError(`peerStore: isolated is ${JSON.stringify(isolated)}. Use 'serve' or 'refuse'.`)
  const transport = tlsTransport({ self, peers: others, secret: presentOf(secret), tls, listen })
  const memory = memoryStore({ clock, maxBytes, maxSessions })
  const node = new PeerNode({ self, others, copies: backups + 1, memory, transport, clock })
  void node.start()
  return new PeerSessions(node, { refusesAlone: isolated === 'refuse' })
}

/** Without older secrets that are not there. */
function presentOf(secret: PeerStoreOptions['secret']): string | readonly string[] | undefined {
  if (typeof secret === 'string' || secret === undefined) return secret
  const [newest, ...older] = secret
  return [newest ?? '', ...older.filter((value): value is string => value !== undefined && value !== '')]
}
