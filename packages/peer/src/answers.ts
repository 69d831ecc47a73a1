import type { SessionRecord } from '@holdfast/core'
import type { PeerReplies, PeerRequest, WriteId } from './messages.js'
import { LEASE_MS } from './peer.js'
import type { PeerNode } from './peer-node.js'
import type { Sweeps } from './sweeps.js'

/** What a node answers to the others. */
export class Answers {
  readonly #node: PeerNode
  readonly #sweeps: Sweeps

  constructor(node: PeerNode, sweeps: Sweeps) {
    this.#node = node
    this.#sweeps = sweeps
  }

  async answer(from: string, request: PeerRequest): Promise<PeerReplies[PeerRequest['op']]> {
    const { memory, boot, peers } = this.#node
    switch (request.op) {
      case 'ping':
        return this.#greet(from, request)
      case 'read': {
        const record = await memory.read(request.key)
        return { record, isFilling: record === undefined && this.#node.isFilling }
      }
      case 'write': {
        const { key, record, condition } = request
        this.#shareOf(from, key)
        return memory.write(
          key,
          record,
          typeof condition === 'string' ? condition : { replaces: named(condition.replaces) },
        )
      }
      case 'touch':
        this.#shareOf(from, request.key)
        return memory.touch(request.key, named(request.write), request.expiresAt)
      case 'bypassed': {
        const waitMs = this.#node.noteBypassed(request.key, request.nodes)
        return { waitMs: Math.max(waitMs, this.#shareOf(from, request.key)) }
      }
      case 'compare':
        return { differing: await this.#sweeps.compare(from, request.sums) }
      case 'offer':
        return { wanted: await this.#sweeps.wanted(request.offers) }
      case 'push':
        await this.#sweeps.take(request.records)
        for (const [key] of request.records) this.#shareOf(from, key)
        return {}
      case 'swept': {
        if (request.boot !== boot) return {}
        this.#node.told(from, request.known)
        const peer = peers.get(from)
        if (peer) peer.hasSweptUs = true
        else this.#node.guests.swept(from)
        return {}
      }
    }
  }

  /** A lease is given to a node that has all that this one holds for it, while all nodes have the same list. */
  #greet(from: string, ping: Extract<PeerRequest, { op: 'ping' }>): PeerReplies['ping'] {
    const { peers, guests, list, isFull } = this.#node
    const peer = peers.get(from)
    if (peer) this.#node.heard(peer, ping)
    else guests.heard(from, ping)
    const hasLease = peer !== undefined && !ping.isLeaving && isFull && this.#node.isAgreed && peer.isWhole(list)
    if (hasLease) peer.grantedUntil = performance.now() + LEASE_MS
    return { ...this.#node.introduce(), hasLease }
  }

  /**
   * What comes from a node with another list may lack homes that this one knows of: they are owed it. For how many ms one
   * of them may still answer alone.
   */
  #shareOf(from: string, key: string): number {
    const peer = this.#node.peers.get(from)
    if (peer && !peer.hasOtherList(this.#node.list)) return 0
    return this.#node.noteBypassed(key, this.#node.places.homesOf(key))
  }
}

/** A record as good as this write where only that counts. */
const named = ({ revision, tag }: WriteId): SessionRecord => ({ data: '', revision, tag, expiresAt: 0 })
