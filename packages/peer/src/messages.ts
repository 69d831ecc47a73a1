import type { SessionRecord, WriteCondition, WriteOutcome } from '@holdfast/core'

/** What one node asks another, over whatever carries it. */
export type PeerRequest =
  /** A heartbeat. `boot` is new with each start of the process; `clock` is ms since the epoch. */
  | { readonly op: 'ping'; readonly boot: string; readonly isLeaving: boolean; readonly clock: number }
  | { readonly op: 'read'; readonly key: string }
  | {
      readonly op: 'write'
      readonly key: string
      readonly record: SessionRecord
      readonly condition: WriteCondition
    }
  | { readonly op: 'touch'; readonly key: string; readonly record: SessionRecord; readonly expiresAt: number }
  /** A write or a touch of this key was taken without `node`, the first in its rank. */
  | { readonly op: 'bypassed'; readonly key: string; readonly node: string }
  /** Of what the two nodes share, a sum for each bucket of keys. */
  | { readonly op: 'compare'; readonly sums: readonly number[] }
  /** Which of these does the other lack, or have otherwise? */
  | { readonly op: 'offer'; readonly offers: readonly Offer[] }
  | { readonly op: 'push'; readonly records: readonly (readonly [key: string, record: SessionRecord])[] }
  /** The node with this boot id now has all that the sender holds for it. */
  | { readonly op: 'swept'; readonly boot: string }

/** A record without its data. */
export interface Offer {
  readonly key: string
  readonly revision: number
  readonly tag: string
  readonly expiresAt: number
}

/** The answers, by what was asked. */
export interface PeerReplies {
  ping: {
    readonly boot: string
    readonly isFull: boolean
    /** The sender may answer reads of what it is first in rank for from its own memory, 400 ms from when it sent. */
    readonly hasLease: boolean
    readonly clock: number
  }
  /** `isFilling`: the node lost its data and does not have all of its share yet, so that nothing there says nothing. */
  read: { readonly record: SessionRecord | undefined; readonly isFilling: boolean }
  write: WriteOutcome
  touch: WriteOutcome
  /** For so long `node` may still answer from its memory. */
  bypassed: { readonly waitMs: number }
  /** The buckets whose sums differ. */
  compare: { readonly differing: readonly number[] }
  /** Indexes of the offers that it wants. */
  offer: { readonly wanted: readonly number[] }
  push: Record<never, never>
  swept: Record<never, never>
}

export type PeerReply<Request extends PeerRequest> = PeerReplies[Request['op']]
