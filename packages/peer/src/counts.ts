/** Since the start; for `status()`. */
export interface TransportCounts {
  /** Peers that are connected now. */
  readonly connections: number
  /** Connections, of ours and to us, that ended before it was settled whose they are: a wrong secret for one. */
  readonly refusedHandshakes: number
  /** Frames that were no message, or not one that this node knows; nothing of them was applied. */
  readonly droppedFrames: number
  /** Answers that nobody waited for. */
  readonly lateReplies: number
  /** Connections that were ended because the peer asked for more than it may, or did not read its answers. */
  readonly floods: number
  /** Requests of peers. */
  readonly requestsIn: number
  /** Calls that were sent. */
  readonly requestsOut: number
  /** Without what TLS adds: 22 bytes for each write. */
  readonly bytesIn: number
  readonly bytesOut: number
}

export type Counts = { -readonly [Name in Exclude<keyof TransportCounts, 'connections'>]: number }

export const newCounts = (): Counts => ({
  refusedHandshakes: 0,
  droppedFrames: 0,
  lateReplies: 0,
  floods: 0,
  requestsIn: 0,
  requestsOut: 0,
  bytesIn: 0,
  bytesOut: 0,
})
