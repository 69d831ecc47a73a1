/** What stands under a key, and the version of it that `cas` replaces. */
export interface Item {
  readonly text: string
  readonly version: ItemVersion
}

/** A cas id. Servers count from 1 when they start: it means nothing to another server, nor after a new connection. */
export interface ItemVersion {
  readonly connection: object
  readonly casId: string
}

export type Stats = Readonly<Record<string, unknown>>

/**
 * What the store needs of one server: three operations, each of them one command, and what it says of itself. A client
 * that offers them can take the place of the library. Rejects with any error when the outcome is unknown, and with
 * `ServerRefusal` when the server said no. Bounded by `CallGuard`, not by itself.
 */
export interface MemcachedPort {
  gets(key: string): Promise<Item | undefined>
  /** False: something is there. */
  add(key: string, text: string, ttlSeconds: number): Promise<boolean>
  /** False: nothing is there, or another version, or the version is from another connection. */
  cas(key: string, text: string, version: ItemVersion, ttlSeconds: number): Promise<boolean>
  /** What the server counts, and what it was started with: by the names of `stats` and `stats settings`. */
  stats(): Promise<Stats>
  settings(): Promise<Stats>
  /** A call had no answer in time. Where the connection as a whole is silent it is given up, with all calls on it. */
  noticeTimeout(): void
  close(): void
}

/** The server answered, and did not do it: `SERVER_ERROR out of memory`, or a proxy that knows no `gets`. */
export class ServerRefusal extends Error {
  override readonly name = 'ServerRefusal'
}
