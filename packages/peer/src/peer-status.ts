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
  readonly peers: readonly PeerReport[]
  /** Of the connections to the others, since the start. */
  readonly counts: TransportCounts | undefined
}

export interface PeerReport {
  readonly name: string
  readonly state: PeerState
  /** It lets this node answer alone what this node is first in rank for. */
  readonly hasLease: boolean
  /** Keys of which it missed a write, which this node will bring to it. */
  readonly owed: number
  /** This node has to look through all that it has for what the other lacks. */
  readonly needsSweep: boolean
  readonly clockOffMs: number
}

export const reportOf = ({ name, state, leaseUntil, owed, needsSweep, clockOffMs }: Peer): PeerReport => ({
  ...{ name, state, needsSweep },
  hasLease: performance.now() < leaseUntil,
  owed: owed.size,
  clockOffMs: Math.round(clockOffMs),
})
