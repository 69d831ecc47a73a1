import type { SessionRecord, WriteOutcome } from '@holdfast/core'

/** What one node asks another, over whatever carries it. */
export type PeerRequest =
  /** A heartbeat. */
  | ({ readonly op: 'ping' } & Introduction)
  | { readonly op: 'read'; readonly key: string }
  | {
      readonly op: 'write'
      readonly key: string
      readonly record: SessionRecord
      readonly condition: 'absent' | 'newer' | { readonly replaces: WriteId }
    }
  | { readonly op: 'touch'; readonly key: string; readonly write: WriteId; readonly expiresAt: number }
  /** A write or a touch of this key that the receiver took did not reach these. */
  | { readonly op: 'bypassed'; readonly key: string; readonly nodes: readonly string[] }
  /** Of what the two nodes share, a sum for each bucket of keys. */
  | { readonly op: 'compare'; readonly sums: readonly number[] }
  /** Which of these does the other lack, or have otherwise? */
  | { readonly op: 'offer'; readonly offers: readonly Offer[] }
  | { readonly op: 'push'; readonly records: readonly (readonly [key: string, record: SessionRecord])[] }
  /**
   * The node with this boot id now has all that the sender holds for it. `known`: where its list is another one, all nodes
   * that may have sessions; else none.
   */
  | { readonly op: 'swept'; readonly boot: string; readonly known: readonly string[] }

export interface Introduction {
  /** New with each start of the process. */
  readonly boot: string
  /** A digest of the names in its list of nodes. */
  readonly list: string
  /** Ms since the epoch, by its clock. */
  readonly clock: number
  /** It takes no more calls, and uses no lease. */
  readonly isLeaving: boolean
}

/** Tells one write from all others. */
export type WriteId = Pick<SessionRecord, 'revision' | 'tag'>

/** A record without its data. */
export interface Offer {
  readonly key: string
  readonly revision: number
  readonly tag: string
  readonly expiresAt: number
}

/** The answers, by what was asked. */
export interface PeerReplies {
  /** `hasLease`: for 400 ms from when it sent, the sender may answer what it is first in rank for from its own memory. */
  ping: Introduction & { readonly hasLease: boolean }
  /** `isFilling`: the node lost its data and does not have all of its share yet, so that nothing there says nothing. */
  read: { readonly record: SessionRecord | undefined; readonly isFilling: boolean }
  write: WriteOutcome
  touch: WriteOutcome
  /** For so long one of them may still answer from its own memory. */
  bypassed: { readonly waitMs: number }
  /** The buckets whose sums differ. */
  compare: { readonly differing: readonly number[] }
  /** Indexes of the offers that it wants. */
  offer: { readonly wanted: readonly number[] }
  push: Record<never, never>
  swept: Record<never, never>
}

export type PeerReply<Request extends PeerRequest> = PeerReplies[Request['op']]
