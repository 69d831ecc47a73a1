import { bring, CallTime, fnv1a, isSameWrite, isTombstone, publishStore, type SessionRecord } from '@holdfast/core'
import type { Offer } from './messages.js'
import type { Peer } from './peer.js'
import type { PeerNode } from './peer-node.js'

/** Keys are compared by the bucket that they fall into, before they are compared one by one. */
const BUCKETS = 1_024
/** Between two of them others get their turn: so many take about a millisecond. */
const KEYS_AT_ONCE = 500
const PUSHED_BYTES = 256 * 1024
/** A round of handing over takes what was written during the one before, and what a node did not take that has failed. */
const ROUNDS = 5

type Pushed = [key: string, record: SessionRecord]

/** Brings to other nodes what they lack of what this one holds, a bounded part at a time, and takes what they bring. */
export class Sweeps {
  readonly #node: PeerNode

  constructor(node: PeerNode) {
    this.#node = node
  }

  /** All that this node holds for a peer where it may have lost that, else what it is owed. A peer that fails stays unswept. */
  async sweep(peer: Peer): Promise<void> {
    const isWhole = peer.needsSweep
    const { boot } = peer
    const notes = [...peer.owed]
    peer.needsSweep = false
    try {
      if (isWhole) {
        peer.swept(undefined)
        await this.#bringDiffering(peer.name)
        await this.#node.ask(peer.name, { op: 'swept', boot: boot ?? '', known: this.#node.knownTo(peer) })
        if (peer.boot !== boot) throw new Error('It has started again.')
        peer.swept(boot)
      } else {
        await this.#bringAll(
          peer.name,
          notes.map(([key]) => key),
        )
      }
      peer.paid(notes)
    } catch {
      peer.needsSweep = true
    }
  }

  /** Of what a node that is gone has lost, makes as many copies as before. */
  async makeUpFor(peer: Peer): Promise<void> {
    const { name, downSince } = peer
    try {
      const { hasFailed } = await this.#bringToKeepers((key) => this.#node.places.isMissedFor(key, name))
      if (!hasFailed) peer.madeUp(downSince)
    } catch {
      // It is tried again.
    }
  }

  /** All that this node has, to those who keep it without this node. What fails is left to the nodes that stay. */
  async handOver(): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      const { brought, hasFailed } = await this.#bringToKeepers(() => true)
      if (brought === 0 && !hasFailed) return
    }
  }

  /** The buckets of which the other has something else than this node has. */
  async compare(from: string, sums: readonly number[]): Promise<number[]> {
    const own = await this.#sumsWith(from)
    return own.flatMap((sum, bucket) => (sum === sums[bucket] ? [] : [bucket]))
  }

  /** Indexes of what this node lacks, or may have otherwise. */
  async wanted(offers: readonly Offer[]): Promise<number[]> {
    const wanted: number[] = []
    for (const [index, offer] of offers.entries()) {
      const held = await this.#node.memory.read(offer.key)
      const isHeld = held && (isTombstone(held) || isSameWrite(held, { ...offer, data: '' }))
      if (!isHeld || held.expiresAt < offer.expiresAt) wanted.push(index)
    }
    return wanted
  }

  /** Joins each with what this node has. */
  async take(records: readonly (readonly [key: string, record: SessionRecord])[]): Promise<void> {
    for (const [key, record] of records)
      await bring({ store: this.#node.memory }, key, record, undefined, new CallTime('peer'))
  }

  /** What both keep is compared by sums first; what only the other keeps is offered. */
  async #bringDiffering(peer: string): Promise<void> {
    const { self } = this.#node
    const sums = await this.#sumsWith(peer)
    const { differing } = await this.#node.ask(peer, { op: 'compare', sums })
    const differs = new Set(differing)
    const keys: string[] = []
    for await (const key of this.#keys()) {
      const homes = this.#node.places.homesOf(key)
      if (homes.includes(peer) && (!homes.includes(self) || differs.has(bucketOf(key)))) keys.push(key)
    }
    await this.#bringAll(peer, keys)
  }

  /** Of the keys that both nodes keep, by bucket; the order of the keys does not matter. */
  async #sumsWith(peer: string): Promise<number[]> {
    const sums = new Array<number>(BUCKETS).fill(0)
    const { self, memory } = this.#node
    for await (const key of this.#keys()) {
      const homes = this.#node.places.homesOf(key)
      if (!homes.includes(peer) || !homes.includes(self)) continue
      const record = await memory.read(key)
      const bucket = bucketOf(key)
      if (record)
        sums[bucket] =
          ((sums[bucket] ?? 0) + fnv1a(`${record.revision} ${record.tag} ${record.expiresAt}`, fnv1a(key))) >>> 0
    }
    return sums
  }

  async #bringToKeepers(isWanted: (key: string) => boolean): Promise<{ brought: number; hasFailed: boolean }> {
    const keys = new Map<string, string[]>()
    for await (const key of this.#keys()) {
      if (!isWanted(key)) continue
      for (const keeper of this.#node.places.keepersOf(key)) {
        if (keeper === this.#node.self) continue
        const kept = keys.get(keeper)
        if (kept) kept.push(key)
        else keys.set(keeper, [key])
      }
    }
    let brought = 0
    let hasFailed = false
    for (const [keeper, kept] of keys)
      try {
        brought += await this.#bringAll(keeper, kept)
      } catch {
        hasFailed = true
      }
    return { brought, hasFailed }
  }

  /** Offers the keys, and pushes what is wanted. Resolves to how many that were. */
  async #bringAll(peer: string, keys: readonly string[]): Promise<number> {
    let brought = 0
    for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
      const held = await this.#held(keys.slice(at, at + KEYS_AT_ONCE))
      const offers = held.map(([key, { revision, tag, expiresAt }]) => ({ key, revision, tag, expiresAt }))
      const { wanted } = await this.#node.ask(peer, { op: 'offer', offers })
      const records = await this.#held(wanted.flatMap((index) => offers[index]?.key ?? []))
      for (const part of partsOf(records)) await this.#node.ask(peer, { op: 'push', records: part })
      brought += records.length
    }
    if (brought > 0) publishStore({ type: 'swept', store: peer, records: brought })
    return brought
  }

  async #held(keys: readonly string[]): Promise<Pushed[]> {
    const held: Pushed[] = []
    for (const key of keys) {
      const record = await this.#node.memory.read(key)
      if (record) held.push([key, record])
    }
    return held
  }

  /** All keys of this node; the event loop turns in between. */
  async *#keys(): AsyncIterable<string> {
    let seen = 0
    for await (const key of this.#node.memory.keys()) {
      yield key
      if (++seen % KEYS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

function* partsOf(records: readonly Pushed[]): Iterable<Pushed[]> {
  let part: Pushed[] = []
  let bytes = 0
  for (const pushed of records) {
    const [, { data }] = pushed
    const size = data?.length ?? 0
    if (part.length > 0 && bytes + size > PUSHED_BYTES) {
      yield part
      part = []
      bytes = 0
    }
    part.push(pushed)
    bytes += size
  }
  if (part.length > 0) yield part
}

const bucketOf = (key: string): number => fnv1a(key) % BUCKETS
