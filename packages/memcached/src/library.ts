import type { Socket } from 'node:net'
import Memcached from 'memcached'

/** The library may answer twice, late or never; the first argument is an error, an array of them, or a string. */
export type Callback = (error: unknown, answer?: unknown) => void

/** A `Memcached` of the npm package `memcached`, as its types (`@types/memcached`) describe it. */
export interface MemcachedClient {
  gets(key: string, callback: Callback): void
  add(key: string, value: string, ttlSeconds: number, callback: Callback): void
  cas(key: string, value: string, casId: string, ttlSeconds: number, callback: Callback): void
  stats(callback: Callback): void
  settings(callback: Callback): void
}

/** A client with those inner parts of version 2.2.2 that the guards around it need. */
export interface Library extends MemcachedClient {
  readonly servers: readonly string[]
  readonly namespace: string
  /** By `host:port`. */
  readonly connections: Readonly<Record<string, Pool | undefined>>
  readonly issues: Readonly<Record<string, IssueLog | undefined>>
  /** Gives a connection from the pool, at once where it has an open one. */
  connect(server: string, callback: (error: unknown, socket: LibrarySocket | false | undefined) => void): void
  /** Parses `socket.bufferArray` and calls the callbacks of `socket.metaData`. */
  rawDataReceived(socket: LibrarySocket): void
  on(event: 'issue', listener: (issue: Issue) => void): void
  removeListener(event: 'issue', listener: (issue: Issue) => void): void
}

export interface Pool {
  readonly pool: readonly LibrarySocket[]
  free(keep: number, hard: boolean): void
}

export interface LibrarySocket extends Socket {
  /** The commands that wait for an answer, in the order of their answers. */
  readonly metaData: readonly { readonly callback?: Callback }[]
  /** The lines that have arrived and are not parsed yet. */
  bufferArray: string[]
}

export interface Issue {
  readonly server: string
  readonly messages: readonly unknown[]
}

/** Where the library notes that a server is down; nothing is sent to a server that has `failed`. */
export interface IssueLog {
  failed: boolean
  failures: number
  locked: boolean
  isScheduledToReconnect: boolean
  messages: unknown[]
  failuresResetId?: NodeJS.Timeout
}

/**
 * Measured: a call to a server that is down fails within 3 ms, and it is used again as soon as it is back. `timeout` is
 * for connecting, ms. Not `failures: Infinity`, which the library turns into null.
 */
const settings = (connectMs: number) => ({
  retries: 0,
  timeout: connectMs,
  failures: 1e9,
  retry: 50,
  idle: 30_000,
  poolSize: 4,
  maxKeySize: 200,
  keyCompression: false,
  remove: false,
})

/** A client of one server, `host:port`. Connects when it is first used, or fails after `connectMs`. */
export const openLibrary = (server: string, connectMs: number): Library =>
  new Memcached(server, settings(connectMs)) as unknown as Library
