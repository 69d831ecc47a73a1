import { randomBytes, createHash } from 'node:crypto'
import {
  EXPIRED,
  isStoreUnavailable,
  publishStore,
  type CallOptions,
  type ListsKeys,
  type SessionStore,
  StoreUnavailableError,
  warnOnce,
  withDeadline,
} from '@holdfast/core'
import { Answers } from './answers.js'
import { censusOf } from './census.js'
import { Guests } from './guests.js'
import type { Introduction, PeerReply, PeerRequest } from './messages.js'
import { LEASE_MS, Peer } from './peer.js'
import { reportOf, type PeerStatus } from './peer-status.js'
import { Places } from './places.js'
import { Repeated } from './repeated.js'
import { Sweeps } from './sweeps.js'
import { AnsweredFailure, type PeerTransport } from './transport.js'

export interface PeerNodeOptions {
  readonly self: string
  /** The other nodes. */
  readonly others: readonly string[]
  readonly copies: number
  readonly memory: SessionStore & ListsKeys
  readonly transport: PeerTransport
  readonly clock: () => number
}

const CALL_MS = 250
const LISTEN_AGAIN_MS = 1_000
const MOST_CLOCK_OFF_MS = 5_000
const ISOLATED_MS = 10_000
const PING_MS = 150
const HOUSE_MS = 40
/** A node that is down so long is not expected back at once: what it had is copied again. */
const MAKE_UP_MS = 1_500
/** A node waits so long for one that it does not hear: to be full, and to serve alone. */
const ALONE_MS = 3_000
/**
 * A process that stood still for longer than a lease does not know what others took meanwhile. They have given up their
 * connections to it, so that it seems alone until there are new ones.
 */
const WAKING_MS = 3_000
/** So long a node that has not heard everybody since it started does not vouch for what it lacks. */
const VOUCH_MS = 60_000

/**
 * One of the app servers that keep sessions among themselves: answers the others, asks them for signs of life, and brings
 * them what they lack. Who is first, second and so on for a key follows from the list of names alone.
 */
export class PeerNode {
  readonly self: string
  readonly memory: SessionStore & ListsKeys
  readonly copies: number
  readonly places: Places
  readonly peers: ReadonlyMap<string, Peer>
  readonly #transport: PeerTransport
  /** Ms since the epoch. */
  readonly clock: () => number
  /** New with each start. */
  readonly boot = randomBytes(6).toString('base64url')
  /** A digest of the names of all nodes. */
  readonly list: string
  readonly guests = new Guests()
  readonly #sweeps: Sweeps
  readonly #answers: Answers
  readonly #startedAt = performance.now()
  readonly #repeated = new Repeated()
  #tickedAt = performance.now()
  #wokeAt = -Infinity
  #failure: Error | undefined
  #isFull = false
  #isAgreed = true
  #isClockOff = false
  #isLeaving = false
  #isClosed = false

  constructor({ self, others, copies, memory, transport, clock }: PeerNodeOptions) {
    this.self = self
    this.memory = memory
    this.copies = copies
    const names = [self, ...others].sort()
    this.list = createHash('sha256').update(names.join(' ')).digest('base64url').slice(0, 16)
    const onChange = ({ name: store, state }: Peer): void =>
      publishStore({ type: 'member', store, state: state === 'up' ? 'trusted' : state })
    this.peers = new Map(others.map((name) => [name, new Peer(name, onChange)]))
    this.places = new Places({ self, peers: this.peers, copies, stays: () => !this.#isLeaving })
    this.#transport = transport
    this.clock = clock
    this.#sweeps = new Sweeps(this)
    this.#answers = new Answers(this, this.#sweeps)
  }

  /** Begins to listen, now or as soon as the address can be listened on, and to look for the others. */
  async start(): Promise<void> {
    while (!(await this.#listens())) await new Promise((resolve) => setTimeout(resolve, LISTEN_AGAIN_MS).unref())
    if (this.#isClosed) return
    for (const peer of this.peers.values()) {
      this.#repeated.run(PING_MS, () => this.#beat(peer))
      this.#repeated.run(HOUSE_MS, () => this.#lookAfter(peer))
    }
    this.#repeated.run(HOUSE_MS, () => {
      this.#tick()
      this.#checkClock()
      this.#fill()
    })
  }

  /** Why sessions cannot be kept here, if they cannot. */
  get complaint(): string | undefined {
    if (this.#isClosed) return 'it is closed'
    if (this.#isLeaving) return 'it is leaving'
    if (this.#failure) return `it cannot listen on ${this.self} (${this.#failure.message})`
    if (this.#refusal !== undefined)
      return `it has heard no other node since it started. ${this.#refusal.replace(/\.$/, '')}`
    if (!this.#isFull) return `it has not been brought its share yet; it has heard ${this.#heardOf()}`
    if (this.#isClockOff) return `its clock is more than ${MOST_CLOCK_OFF_MS / 1_000} s off those of the other nodes`
    return undefined
  }

  /** One of three or more, which hears nobody: perhaps the others serve without it. */
  get isIsolated(): boolean {
    return this.peers.size > 1 && this.#aloneMs > 0
  }

  /** The balancer should look elsewhere for now; if it finds nobody else, this node serves alone. */
  get isNewlyIsolated(): boolean {
    return this.isIsolated && this.#aloneMs < ISOLATED_MS
  }

  /** It does not have all of its share, or takes what is there for expired: nothing under a key says nothing. */
  get isFilling(): boolean {
    return !this.#isFull || !this.#vouches() || this.#isClockOff
  }

  /**
   * It may serve what no other node has answered. Not while the others may have gone on without it: just cut off, one of
   * three or more, or just woken after it stood still.
   */
  get mayServeAlone(): boolean {
    this.#tick()
    if (performance.now() - this.#wokeAt < WAKING_MS) return false
    return this.peers.size === 1 || this.#aloneMs > ALONE_MS
  }

  /** It has been brought its share, by all that it has heard. */
  get isFull(): boolean {
    return this.#isFull
  }

  get isLeaving(): boolean {
    return this.#isLeaving
  }

  /** Every other node has all that this one holds for it, or was made up for. */
  get isSettled(): boolean {
    for (const peer of this.peers.values()) if (peer.isReached ? !peer.isWhole(this.list) : !peer.isMadeUp) return false
    return this.#isFull
  }

  /** All that it has heard have the same list of nodes. */
  get isAgreed(): boolean {
    return this.#isAgreed
  }

  /**
   * One of the others said this of itself. While lists of nodes differ by a name, one node more gets each change: whoever does
   * not know one of the first in rank takes the next in its place.
   */
  heard(peer: Peer, said: Introduction): void {
    peer.heard(said, this.clock())
    const isAgreed = [...this.peers.values()].every((one) => !one.hasOtherList(this.list))
    if (this.#isAgreed && !isAgreed) for (const one of this.peers.values()) one.needsSweep = true
    this.#isAgreed = isAgreed
    this.places.width = isAgreed ? this.copies : this.copies + 1
  }

  /** It may answer reads of this key from its own memory. */
  mayAnswer(key: string): boolean {
    const [first, second] = this.places.rank(key)
    if (first?.name !== this.self || !second || !this.#isFull || this.#isClockOff || this.#isLeaving) return false
    return performance.now() < (this.peers.get(second.name)?.leaseUntil ?? 0)
  }

  /** Rejects with `StoreUnavailableError` when it is closed. */
  async status(): Promise<PeerStatus> {
    const census = await censusOf(this)
    const { self, isFull, isLeaving, isSettled } = this
    const { isDegraded } = this.places
    const peers = [...this.peers.values()].map(reportOf)
    return { self, isFull, isLeaving, isSettled, isDegraded, ...census, peers, counts: this.#transport.counts }
  }

  /** Asks another node. Rejects with `StoreUnavailableError`; at once, with `refused`, one that is down or leaves. */
  ask<Request extends PeerRequest>(name: string, request: Request, options?: CallOptions): Promise<PeerReply<Request>> {
    const peer = this.peers.get(name)
    if (!peer?.isReached)
      return Promise.reject(
        new StoreUnavailableError(`peer: ${name} is ${peer?.state ?? 'unknown'}.`, { refused: true }),
      )
    return this.#call(peer, request, options)
  }

  /**
   * A write that this node took did not reach these nodes. Returns for how long one of them may still answer alone: the first
   * in rank; by another list of nodes, which one may have that has not been heard since this node started, it is another one.
   */
  noteBypassed(key: string, nodes: readonly string[]): number {
    const [first] = this.places.rank(key)
    const isSure = this.#isAgreed && performance.now() - this.#startedAt > LEASE_MS
    let waitMs = 0
    for (const name of nodes) {
      const peer = this.peers.get(name)
      peer?.owe(key)
      if (peer && (name === first?.name || !isSure)) waitMs = Math.max(waitMs, peer.grantedUntil - performance.now())
    }
    return waitMs
  }

  /** Gives the leases back, tells the others, and brings to those next in rank what it has. */
  async drain(): Promise<void> {
    if (!this.#isLeaving) {
      this.#isLeaving = true
      await Promise.all([...this.peers.values()].map((peer) => this.#beat(peer)))
    }
    await this.#sweeps.handOver()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#repeated.stop()
    await this.#transport.close()
    await this.memory.close()
  }

  async #beat(peer: Peer): Promise<void> {
    const sentAt = performance.now()
    try {
      const reply = await this.#call(peer, { op: 'ping', ...this.introduce() })
      this.heard(peer, reply)
      if (reply.hasLease && !this.#isLeaving) peer.leaseUntil = sentAt + LEASE_MS
      else peer.leaseUntil = 0
    } catch {
      // Counted by the call.
    }
  }

  async #lookAfter(peer: Peer): Promise<void> {
    if (this.#isLeaving) return
    if (peer.isReached && this.#maySweep(peer)) await this.#sweeps.sweep(peer)
    if (peer.downMs > MAKE_UP_MS && !peer.isMadeUp) await this.#sweeps.makeUpFor(peer)
  }

  /**
   * Who has another list is ready when it has what this node holds for it. By then the others should have what they lack for
   * that list: the one that it does not have in it may stop next.
   */
  #maySweep(peer: Peer): boolean {
    if (!peer.needsSweep) return peer.owed.size > 0
    if (!peer.hasOtherList(this.list)) return true
    for (const one of this.peers.values())
      if (one.isReached && !one.hasOtherList(this.list) && !one.isWhole(this.list)) return false
    return true
  }

  #tick(): void {
    const now = performance.now()
    if (now - this.#tickedAt > LEASE_MS) this.#wokeAt = now
    this.#tickedAt = now
  }

  /** Full: every other node has pushed what it holds for this one, or was not heard for some seconds. */
  #fill(): void {
    if (this.#isFull) return
    const isAlone = performance.now() - this.#startedAt > ALONE_MS
    for (const { isReached } of this.#unswept()) if (isReached || !isAlone) return
    this.#isFull = true
  }

  async #listens(): Promise<boolean> {
    if (this.#isClosed) return true
    try {
      await this.#transport.start((from, request) => this.#answers.answer(from, request))
      this.#failure = undefined
      return true
    } catch (error) {
      this.#failure = error as Error
      warnOnce('HOLDFAST_PEER_ADDRESS', `peer: ${this.complaint}. It tries again.`)
      return false
    }
  }

  /** Two clocks that differ do not say which of them is wrong. */
  #checkClock(): void {
    const heard = [...this.peers.values()].filter(({ state }) => state !== 'down')
    const off = heard.filter(({ clockOffMs }) => Math.abs(clockOffMs) > MOST_CLOCK_OFF_MS)
    this.#isClockOff = off.length > 1 && off.length > heard.length / 2
  }

  /** Since the last of the others went down; 0 while one is there. */
  get #aloneMs(): number {
    return Math.min(...[...this.peers.values()].map(({ downMs }) => downMs))
  }

  /** Why others do not talk to it, as long as none ever did: it is told apart from one that is cut off. */
  get #refusal(): string | undefined {
    for (const { boot } of this.peers.values()) if (boot !== undefined) return undefined
    return this.#transport.refusal
  }

  #heardOf(): string {
    const heard = [...this.peers.values()].filter(({ state }) => state !== 'down').map(({ name }) => name)
    return heard.length > 0 ? `${heard.join(', ')} of ${this.peers.size} others` : 'no other node'
  }

  #vouches(): boolean {
    if (performance.now() - this.#startedAt > VOUCH_MS) return true
    return this.#unswept().length === 0
  }

  /** Others that have not pushed to it all that they hold for it. */
  #unswept(): readonly { readonly isReached: boolean }[] {
    return [...[...this.peers.values()].filter(({ hasSweptUs }) => !hasSweptUs), ...this.guests.unswept]
  }

  async #call<Request extends PeerRequest>(
    peer: Peer,
    request: Request,
    { signal, timeoutMs = CALL_MS }: CallOptions = {},
  ): Promise<PeerReply<Request>> {
    const operation = request.op === 'write' || request.op === 'touch' ? request.op : 'read'
    const onLate = (): void => publishStore({ type: 'late-reply', store: peer.name, operation })
    const ms = Math.min(CALL_MS, timeoutMs)
    try {
      const answer = await withDeadline(() => this.#transport.call(peer.name, request), ms, signal, onLate)
      if (typeof answer !== 'symbol') {
        peer.answered()
        return answer
      }
      if (answer === EXPIRED) {
        publishStore({ type: 'timeout', store: peer.name, operation })
        peer.missed()
      }
    } catch (error) {
      if (error instanceof AnsweredFailure) peer.answered()
      else if (isStoreUnavailable(error)) peer.missed()
      throw error
    }
    throw new StoreUnavailableError(`peer: no answer of ${peer.name} to a ${request.op} within ${Math.round(ms)} ms.`)
  }

  /** Those that may have sessions, for one that has another list: what was on a node that is gone for good was made up for. */
  knownTo(peer: Peer): readonly string[] {
    if (!peer.hasOtherList(this.list)) return []
    const others = [...this.peers.values()].filter(({ isMadeUp }) => !isMadeUp)
    return [this.self, ...others.map(({ name }) => name)]
  }

  /** One of the others knows these. */
  told(by: string, known: readonly string[]): void {
    this.guests.told(
      by,
      known.filter((name) => name !== this.self && !this.peers.has(name)),
    )
  }

  /** What it says of itself in a heartbeat. */
  introduce(): Introduction {
    return { boot: this.boot, list: this.list, clock: this.clock(), isLeaving: this.#isLeaving }
  }
}
