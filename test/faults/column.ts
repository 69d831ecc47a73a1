import type { FaultProxy } from '../servers/fault-proxy.js'

/** One way of sharing sessions, with real servers. */
export interface Column {
  /** As `docs/faults.json` names it. */
  readonly name: string
  readonly title: string
  /** What `npm run faults -- redis` selects. */
  readonly family: string
  start(options: TargetOptions): Promise<Target>
}

export interface TargetOptions {
  /** Each write is on the disk before it is answered. */
  readonly persistent?: boolean
  /** What is acknowledged has reached a second server. */
  readonly replicated?: boolean
  /** Without proxies, which take the time of this process; nothing can strike it then. */
  readonly direct?: boolean
}

export interface Target {
  /** What the apps are given. */
  readonly url: string
  /** The server that the next fault strikes: the one, the master, or the master of some of the sessions. */
  aim(): Promise<Victim>
  /** Resolves when all servers are as at the start, whoever leads. */
  settled(): Promise<void>
  /** What the servers hold, past every proxy and adapter. `'destroyed'`: a tombstone. */
  stored(id: string): Promise<Readonly<Record<string, unknown>> | 'destroyed' | undefined>
  /** The bytes of a session, as they are kept; `put` leaves their lifetime as it was. */
  bytes(id: string): Promise<string | undefined>
  put(id: string, bytes: string): Promise<void>
  /** Calls for sessions that the servers have answered so far. */
  calls(): Promise<Calls>
  stop(): Promise<void>
}

export interface Calls {
  readonly reads: number
  readonly writes: number
}

/** A server under fault. What a kind of server cannot suffer is left out. */
export interface Victim {
  /** The sessions that it holds: all, or those of its share. */
  readonly share: 'all' | 'some'
  /** Of its servers one takes over by itself. */
  readonly replicas: number
  /** Between clients and this server; the apps come from `CLIENTS`. */
  readonly link: FaultProxy
  /** The others see it only through `link` too, so that they notice when that is cut. */
  readonly isWatched: boolean
  kill(): Promise<void>
  restart(options: { readonly empty: boolean }): Promise<void>
  pause(): void
  resume(): void
  /** Resolves when a replica leads in its place. */
  replaced?(): Promise<void>
  /** Cuts its replicas off in silence: it acknowledges what they never get. */
  isolate?(): void
  /** Hands its work over to a replica, by order. */
  failover?(): Promise<void>
  /** Refuses writes, as a replica does, until `promote`. */
  demote?(): Promise<void>
  promote?(): Promise<void>
  /** Its memory is full from now on. `'evict'`: it throws away what was used least lately; `'refuse'`: it takes no more. */
  fill?(policy: 'evict' | 'refuse'): Promise<void>
  makeRoom?(): Promise<void>
}

/** From where the apps connect to the servers. */
export const CLIENTS = '127.0.0.1'
