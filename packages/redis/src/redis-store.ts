import type { SessionStore } from '@holdfast/core'
import type { Cluster, Redis } from 'ioredis'

export interface RedisStoreOptions {
  readonly client: Redis | Cluster
  /** Comes before each key. Default `'sess:'`. */
  readonly prefix?: string | undefined
  /** What a call may take, in ms. Default 250. */
  readonly deadlineMs?: number | undefined
  /**
   * `'replicated'`: creates, rotations and destroys are acknowledged when a replica has them too (`WAIT`);
   * `'replicated-all'`: every write. Default: when the server that took them has them.
   */
  readonly durability?: 'replicated' | 'replicated-all' | undefined
  /** Ms since the epoch; default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

export function redisStore(_options: RedisStoreOptions): SessionStore {
  throw new Error('to be written')
}
