import type { Shares } from './census.js'
import type { TransportCounts } from './counts.js'
import type { Peer, PeerState } from './peer.js'

/** How one node sees the others. */
export interface PeerStatus {
  readonly self: string
  /** It has been brought its share since it started. */
  readonly isFull: boolean
  readonly isLeaving: boolean
  /** Each session has as many copies as it should, as far as this node has them. */
  readonly isSettled: boolean
  /** Fewer nodes are there than a session should have copies: one more failure loses what is written now. */
  readonly isDegraded: boolean
  /** How many sessions this node has, those among them that are over and not forgotten yet. */
  readonly shares: Shares
  /**
   * Copies of these that others should have, and are not known to have: of nodes that are down until others have made up for
   * them, owed ones, and all that a sweep that has not ended may still bring. More than are missing, never fewer.
   */
  readonly copiesMissing: number
  readonly peers: readonly PeerReport[]
  /** Of the connections to the others, since the start. */
  readonly counts: TransportCounts | undefined
}

export interface PeerReport {
  readonly name: string
  readonly state: PeerState
  /** It lets this node answer alone what this node is first in rank for. */
  readonly hasLease: boolean
  /** This node lets it. */
  readonly givesLease: boolean
  /** Keys of which it missed a write, which this node will bring to it. */
  readonly owed: number
  /** This node has to look through all that it has for what the other lacks. */
  readonly needsSweep: boolean
  readonly clockOffMs: number
}

export function reportOf(peer: Peer): PeerReport {
  const { name, state, leaseUntil, grantedUntil, owed, needsSweep, clockOffMs } = peer
  const now = performance.now()
  const leases = { hasLease: now < leaseUntil, givesLease: now < grantedUntil }
  return { name, state, ...leases, owed: owed.size, needsSweep, clockOffMs: Math.round(clockOffMs) }
}
