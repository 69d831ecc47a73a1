import { createHash } from 'node:crypto'
import {
  Replicas,
  StoreUnavailableError,
  type CallOptions,
  type Health,
  type MemberState,
  type RanksNodes,
  type Replica,
  type SessionRecord,
  type SessionStore,
  type WriteCondition,
  type WriteOutcome,
} from '@holdfast/core'
import { KeeperStore, NOTES, stands, type CallNotes, type PeerCallOptions } from './keeper-store.js'
import { LEASE_MS } from './peer.js'
import type { PeerNode } from './peer-node.js'
import type { PeerStatus } from './peer-status.js'

/** A store in the memories of the app servers. */
export interface PeerStore extends SessionStore, RanksNodes {
  /** Why this node should get no requests now, if it should not: it is not full yet, leaves, or hears nobody. */
  health(): Health
  /** Hands over all that this node has to those that stay; the others are told first. */
  drain(): Promise<void>
  /**
   * What this node knows about itself and the others, for people and for dashboards. Goes through all of its sessions, two
   * milliseconds for a thousand at most, and lets others have their turn. Rejects with `StoreUnavailableError` when it is closed.
   */
  status(): Promise<PeerStatus>
}

const ROUTE_LENGTH = 32

/** The name of a node in the route cookie: `10.0.0.1:7946` is `10-0-0-1-7946`; a long one ends with a digest of it. */
export function routeNameOf(name: string): string {
  const route = name.replace(/[^A-Za-z0-9_]+/g, '-')
  if (route.length <= ROUTE_LENGTH) return route
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 8)
  return `${route.slice(0, ROUTE_LENGTH - digest.length - 1)}-${digest}`
}

/**
 * Sessions kept among the nodes, as one store: `replicate` over the memories of all nodes, where the first in rank answers
 * alone while it holds a lease, and a write that did not reach a node is acknowledged when that node cannot answer without
 * it any more.
 */
export class PeerSessions implements PeerStore {
  readonly name = 'peer'
  readonly guarded = true
  readonly #node: PeerNode
  readonly #replicas: Replicas
  readonly #refusesAlone: boolean

  /** `refusesAlone`: one of three or more nodes that hears nobody answers nothing. */
  constructor(node: PeerNode, { refusesAlone = false } = {}) {
    this.#node = node
    this.#refusesAlone = refusesAlone
    const keepers = new Map([node.self, ...node.peers.keys()].map((name) => [name, new Keeper(name, node)]))
    const members = [...keepers.values()]
    const rank = (key: string) => node.places.rank(key).map(({ name }) => keepers.get(name) as Keeper)
    this.#replicas = new Replicas({
      ...{ name: this.name, members, rank, copies: node.copies, sweeps: true },
      width: () => node.places.width,
    })
  }

  async read(key: string, options?: CallOptions): Promise<SessionRecord | undefined> {
    if (this.#node.mayAnswer(key)) return this.#node.memory.read(key, options)
    this.#assertServes()
    const notes = newNotes()
    const call: PeerCallOptions = { ...options, [NOTES]: notes }
    const record = await this.#replicas.read(key, call)
    this.#assertNotAlone(notes)
    return record
  }

  async write(
    key: string,
    record: SessionRecord,
    condition: WriteCondition,
    options?: CallOptions,
  ): Promise<WriteOutcome> {
    return this.#taken(key, record, options, (call) => this.#replicas.write(key, record, condition, call))
  }

  async touch(key: string, record: SessionRecord, expiresAt: number, options?: CallOptions): Promise<WriteOutcome> {
    return this.#taken(key, record, options, (call) => this.#replicas.touch(key, record, expiresAt, call))
  }

  async ready(): Promise<void> {
    const { self, complaint } = this.#node
    if (complaint !== undefined) throw new StoreUnavailableError(`peer: ${self} is not ready: ${complaint}.`)
  }

  health(): Health {
    const { self, complaint, isIsolated, isNewlyIsolated } = this.#node
    const isAlone = isNewlyIsolated || (this.#refusesAlone && isIsolated)
    const reason = complaint ?? (isAlone ? 'it hears no other node' : undefined)
    return reason === undefined ? { ok: true } : { ok: false, reason: `peer: ${self}: ${reason}.` }
  }

  nodesOf(key: string): readonly string[] {
    return this.#node.places.rank(key).map(({ name }) => routeNameOf(name))
  }

  drain(): Promise<void> {
    return this.#node.drain()
  }

  status(): Promise<PeerStatus> {
    return this.#node.status()
  }

  async close(): Promise<void> {
    this.#replicas.release()
    await this.#node.close()
  }

  #assertServes(): void {
    if (this.#refusesAlone && this.#node.isIsolated)
      throw new StoreUnavailableError('peer: no other node is heard, and isolated is refuse.', { refused: true })
  }

  #assertNotAlone({ isHeard, isMissed }: CallNotes): void {
    if (isMissed && !isHeard && !this.#node.mayServeAlone)
      throw new StoreUnavailableError('peer: no other node has answered; they may have gone on without this one.')
  }

  async #taken(
    key: string,
    record: SessionRecord,
    options: CallOptions | undefined,
    run: (options: PeerCallOptions) => Promise<WriteOutcome>,
  ): Promise<WriteOutcome> {
    this.#assertServes()
    const notes = newNotes()
    const outcome = await run({ ...options, [NOTES]: notes })
    if (!stands(outcome, record)) return outcome
    this.#assertNotAlone(notes)
    await this.#tell(key, notes.takers)
    return outcome
  }

  /**
   * Those who took a write are told which homes it did not reach, and bring it there later; while lists of nodes differ
   * they may know of more. The second in rank says for how long the first may still answer alone, and lets it no more until
   * it has the write. One that took the write and cannot be told would let it; one that did not answer at all is taken for
   * dead, and then that is as long as a lease is.
   */
  async #tell(key: string, takers: ReadonlySet<string>): Promise<void> {
    const [first = '', second = ''] = this.#node.places.rank(key).map(({ name }) => name)
    const nodes = this.#node.places.homesOf(key).filter((name) => !takers.has(name))
    if (nodes.length === 0 && this.#node.isAgreed) return
    const asked = new Set(nodes.includes(first) ? [...takers, second] : takers)
    const waits = await Promise.all(
      [...asked].map(async (name) => {
        if (name === this.#node.self) return this.#node.noteBypassed(key, nodes)
        try {
          return (await this.#node.ask(name, { op: 'bypassed', key, nodes })).waitMs
        } catch (error) {
          if (name !== second || !nodes.includes(first)) return 0
          if (takers.has(second)) throw error
          return LEASE_MS
        }
      }),
    )
    const waitMs = Math.max(...waits)
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.ceil(waitMs) + 1))
  }
}

const newNotes = (): CallNotes => ({ takers: new Set(), isHeard: false, isMissed: false })

/** A node as one of the replicas. It looks after itself: what it lacks is brought to it by the others. */
class Keeper implements Replica {
  readonly name: string
  readonly store: SessionStore
  readonly #node: PeerNode
  readonly #since = Date.now()

  constructor(name: string, node: PeerNode) {
    this.name = name
    this.store = new KeeperStore(name, node)
    this.#node = node
  }

  get status(): MemberState {
    const peer = this.#node.peers.get(this.name)
    const isThere = peer ? peer.isReached : !this.#node.isFilling
    return { name: this.name, state: isThere ? 'trusted' : peer ? 'down' : 'filling', since: this.#since }
  }

  /** A miss of one that is filling has been counted already. */
  async isFilling(): Promise<boolean> {
    return false
  }

  async check(): Promise<void> {}

  owe(): void {}

  answered(): void {}
}
