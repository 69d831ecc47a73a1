import { StoreUnavailableError } from '@holdfast/core'
import type { TransportCounts } from './counts.js'
import type { PeerReplies, PeerReply, PeerRequest } from './messages.js'

/** The peer is there: it answered that it could not. */
export class AnsweredFailure extends StoreUnavailableError {}

/** Answers the requests of a peer. A rejection is the answer that it could not. */
export type PeerHandler = (peer: string, request: PeerRequest) => Promise<PeerReplies[PeerRequest['op']]>

/**
 * Carries requests and replies between this node and its peers, in order for each pair. Peers are known by their names,
 * `host:port`. Connects to all of them by itself, and again when a connection is lost.
 */
export interface PeerTransport {
  /** Begins to take connections, and to make them. Rejects when the address cannot be listened on. */
  start(handler: PeerHandler): Promise<void>
  /**
   * Rejects with `StoreUnavailableError`, `refused` where the request was not sent: at once while there is no connection
   * to the peer, or too much is on its way; and when the connection is lost before the answer. Has no deadline of its own.
   */
  call<Request extends PeerRequest>(peer: string, request: Request): Promise<PeerReply<Request>>
  readonly counts?: TransportCounts
  /** What one that is there and this node have against each other since they were last connected: another secret, for one. */
  readonly refusal?: string | undefined
  /** Ends all connections; may be called twice. */
  close(): Promise<void>
}
