import type { FaultProxy } from '../servers/fault-proxy.js'
import type { PeerNodes } from './columns/peer-nodes.js'
import type { AppProcess } from './fleet.js'

/** One way of sharing sessions, with real servers. */
export interface Column {
  /** As `docs/faults.json` names it. */
  readonly name: string
  readonly title: string
  /** What `npm run faults -- redis` selects. */
  readonly family: string
  /** On how many servers each session is, where it is on more than one: then no fault of one of them may cost anything. */
  readonly copies?: number
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
  readonly options: StoreOptions
  /** Where app servers keep the sessions themselves: they are these, behind a balancer that asks for their health. */
  readonly nodes?: PeerNodes
  /** The servers that the next fault strikes, one after the other: the one, the master, or one that has a share. */
  victims(): Promise<readonly Victim[]>
  /** All servers together, where one of them can be away and costs little. A restart finds them without data. */
  readonly whole?: { kill(): Promise<void>; restart(): Promise<void> }
  /** Resolves when all servers are as at the start, whoever leads. */
  settled(): Promise<void>
  /** What the servers hold, past every proxy and adapter. `'destroyed'`: a tombstone. */
  stored(id: string): Promise<Readonly<Record<string, unknown>> | 'destroyed' | undefined>
  /** The bytes of a session, as they are kept, on each server that has it. */
  bytes(id: string): Promise<readonly string[]>
  /** Makes other bytes of them. `'once'`: on one of the servers. */
  change(id: string, change: (bytes: string) => string, where?: 'everywhere' | 'once'): Promise<void>
  /** Calls for sessions that the servers have answered so far. */
  calls(): Promise<Calls>
  stop(): Promise<void>
}

/** The options of `createSessions` that say where sessions are. */
export interface StoreOptions {
  readonly store: string
  readonly failover?: string
}

export interface Calls {
  readonly reads: number
  readonly writes: number
}

/** A server under fault. What a kind of server cannot suffer is left out. */
export interface Victim {
  /** The sessions that it holds: all, or those of its share. */
  readonly share: 'all' | 'some'
  /** Others that serve in its place, by themselves. */
  readonly replicas: number
  /** A restart that is not to empty it finds what it had. */
  readonly saves: boolean
  /** What it has acknowledged is on another server already, which serves it without an order. */
  readonly hasBackup?: boolean
  /** It is one of the apps itself. */
  readonly app?: AppProcess
  /** Between clients and this server; the apps come from `CLIENTS`. */
  readonly link: Pick<FaultProxy, 'delay' | 'drop' | 'reset' | 'refuse' | 'heal'>
  /** The others see it only through `link` too, so that they notice when that is cut. */
  readonly isWatched: boolean
  kill(): Promise<void>
  restart(options: { readonly empty: boolean }): Promise<void>
  pause(): Promise<void>
  resume(): void
  /** As `Target.stored`, of this server alone. */
  stored(id: string): ReturnType<Target['stored']>
  /** Resolves when a replica leads in its place. */
  replaced?(): Promise<void>
  /** Cuts its replicas off in silence: it acknowledges what they never get. */
  isolate?(): void
  /** Hands its work over to a replica, by order. */
  failover?(): Promise<void>
  /** Refuses writes, as a replica does, until `promote`. */
  demote?(): Promise<void>
  promote?(): Promise<void>
  /** Its memory is full from now on, and it throws away what was used least lately. */
  evict?(): Promise<void>
  /** The same, and it takes no more. */
  refuse?(): Promise<void>
  makeRoom?(): Promise<void>
}

/** From where the apps connect to the servers. */
export const CLIENTS = '127.0.0.1'
