import type { Introduction } from './messages.js'

/** So long the first in rank may answer from its own memory alone. */
export const LEASE_MS = 400
/** Calls in a row without an answer after which a node is down. A heartbeat that is answered ends it. */
const DOWN_AFTER = 2

/** `leaving`: it is there, and takes no more calls. */
export type PeerState = 'up' | 'down' | 'leaving'

/** What this node knows about one of the others. All times are of the monotonic clock. */
export class Peer {
  readonly name: string
  /** Until when it lets this node answer alone what it is the second in rank for. */
  leaseUntil = 0
  /** Until when this node lets it. What it let it before it started again it does not know. */
  grantedUntil = performance.now() + LEASE_MS
  /** This node has not yet pushed to it all that it holds for it, or it may have lost that again. */
  needsSweep = true
  /** It has pushed to this node all that it holds for it. */
  hasSweptUs = false
  /** Its clock minus ours, in ms. */
  clockOffMs = 0
  readonly #onChange: (peer: Peer) => void
  readonly #owed = new Map<string, number>()
  #boot: string | undefined
  #list: string | undefined
  #sweptBoot: string | undefined
  #failures = 0
  #isUp = false
  #isLeaving = false
  #downSince = performance.now()
  #isMadeUp = false
  #notes = 0

  constructor(name: string, onChange: (peer: Peer) => void) {
    this.name = name
    this.#onChange = onChange
  }

  get boot(): string | undefined {
    return this.#boot
  }

  /** It takes calls. */
  get isReached(): boolean {
    return this.state === 'up'
  }

  /** Ms since it was last heard, `0` while it is. */
  get downMs(): number {
    return this.#isUp ? 0 : performance.now() - this.#downSince
  }

  /** It is down, and what it kept was brought to the next in rank. */
  get isMadeUp(): boolean {
    return this.#isMadeUp
  }

  /** By the monotonic clock; for `madeUp`. */
  get downSince(): number {
    return this.#downSince
  }

  /** Keys of which others took a write that it missed. */
  get owed(): ReadonlyMap<string, number> {
    return this.#owed
  }

  get state(): PeerState {
    return this.#isUp ? (this.#isLeaving ? 'leaving' : 'up') : 'down'
  }

  /** It has said that its list is another one, and so it ranks keys in another way. */
  hasOtherList(list: string): boolean {
    return this.#list !== undefined && this.#list !== list
  }

  /** It has all that this node holds for it, and ranks keys as this node does. */
  isWhole(list: string): boolean {
    return this.#isSwept && this.#owed.size === 0 && this.#list === list
  }

  /** It is not known to have what this node holds under a key. */
  mayLack(key: string): boolean {
    return !this.#isUp || !this.#isSwept || this.#owed.has(key)
  }

  /** A lease that it had it has given back when it leaves. */
  heard({ boot, list, clock, isLeaving }: Introduction, ownClock: number): void {
    const before = this.state
    if (this.#boot !== boot || this.#list !== list || !this.#isUp) this.needsSweep = true
    if (this.#boot !== boot) this.hasSweptUs = false
    if (isLeaving) this.grantedUntil = 0
    this.#isMadeUp = false
    this.#boot = boot
    this.#list = list
    this.clockOffMs = clock - ownClock
    this.#isLeaving = isLeaving
    this.#isUp = true
    this.answered()
    if (this.state !== before) this.#onChange(this)
  }

  answered(): void {
    this.#failures = 0
  }

  missed(): void {
    this.#failures += 1
    if (this.#failures < DOWN_AFTER || !this.#isUp) return
    this.#isUp = false
    this.#downSince = performance.now()
    this.needsSweep = true
    this.#onChange(this)
  }

  /** It missed a write of this key. A sweep that is still to begin will bring it anyway. */
  owe(key: string): void {
    if (!this.needsSweep) this.#owed.set(key, ++this.#notes)
  }

  /** Was brought what the keys had after they were noted so; what was noted meanwhile stays owed. */
  paid(notes: Iterable<readonly [key: string, note: number]>): void {
    for (const [key, note] of notes) if (this.#owed.get(key) === note) this.#owed.delete(key)
  }

  /** What it kept when it went down at that time is with the next in rank. */
  madeUp(downSince: number): void {
    if (!this.#isUp && this.#downSince === downSince) this.#isMadeUp = true
  }

  /** The process with this boot id was brought everything; `undefined`: that begins now. */
  swept(boot: string | undefined): void {
    this.#sweptBoot = boot
  }
  get #isSwept(): boolean {
    return this.#sweptBoot === this.#boot && !this.needsSweep
  }
}
