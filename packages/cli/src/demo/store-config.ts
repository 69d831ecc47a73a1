/** What the app servers read of their environment to know where sessions live. */
export interface StoreConfig {
  readonly SESSION_STORE: string
  readonly SESSION_FAILOVER?: string
  /** While sessions move: where they were. */
  readonly SESSION_MIGRATE_FROM?: string
  readonly SESSION_MIGRATE_FROM_FAILOVER?: string
  readonly HOLDFAST_PEER_SECRET?: string
}

/** The kinds of session servers. */
export type ServerKind = 'Redis' | 'Memcached' | 'Hazelcast'

/** What the app servers share their sessions through: session servers, or each other. */
export type Kind = ServerKind | 'Peer'

/** The app servers keep the sessions among themselves. */
export interface PeerServers {
  readonly kind: 'Peer'
  /** One sentence for the page: where a session is. */
  readonly holds: string
}

/** Session servers that are there already: the demo uses them, and neither starts nor ends them. */
export interface GivenServers {
  readonly kind: ServerKind
  readonly url: string
}

/** Session servers that the demo starts and ends as it likes. */
export interface OwnServers {
  readonly kind: ServerKind
  /** The path of the program. */
  readonly program: string
  /** What Java runs, where that is the program. */
  readonly jar?: string
  readonly names: readonly string[]
  /** So many of them may be away, and every login holds. */
  readonly spare: 0 | 1
  /** One sentence for the page: where a session is. */
  readonly holds: string
  /** `addresses` as many as `names`, each host and port. */
  readonly config: (addresses: readonly string[]) => StoreConfig
}

/** The config of an app server while sessions move from the one place to the other. */
export function movingConfig(from: StoreConfig, to: StoreConfig): StoreConfig {
  const { SESSION_STORE, SESSION_FAILOVER, ...secret } = from
  return {
    ...secret,
    ...to,
    SESSION_MIGRATE_FROM: SESSION_STORE,
    ...(SESSION_FAILOVER !== undefined && { SESSION_MIGRATE_FROM_FAILOVER: SESSION_FAILOVER }),
  }
}
