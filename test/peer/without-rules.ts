import { isStoreUnavailable } from '@holdfast/core'
import type { Introduction, PeerReplies } from '../../packages/peer/src/messages.js'
import { LEASE_MS, Peer } from '../../packages/peer/src/peer.js'
import { PeerNode } from '../../packages/peer/src/peer-node.js'
import { PeerSessions } from '../../packages/peer/src/peer-sessions.js'
import { Sweeps } from '../../packages/peer/src/sweeps.js'

/** Takes a rule away; the returned function gives it back. */
type TakeAway = () => () => void

/** Replaces a method, or what a getter gets, by one that knows the original. */
function replace<Class extends object, Name extends keyof Class & string>(
  prototype: Class,
  name: Name,
  made: (original: Class[Name]) => unknown,
): () => void {
  const before = Object.getOwnPropertyDescriptor(prototype, name)
  if (!before) throw new Error(`There is no ${name}: the rule that is to be taken away has moved.`)
  const after = before.get
    ? { get: made(before.get as Class[Name]) as () => unknown }
    : { value: made(prototype[name]) }
  Object.defineProperty(prototype, name, { ...before, ...after })
  return () => void Object.defineProperty(prototype, name, before)
}

/** The rules of ARCHITECTURE section 5, and how the same nodes are without each of them. */
export const withoutRule: Readonly<Record<string, TakeAway>> = {
  'absence is believed, though too few answered': () =>
    replace(
      PeerSessions.prototype,
      'read',
      (read) =>
        async function (this: PeerSessions, key, options) {
          try {
            return await read.call(this, key, options)
          } catch (error) {
            if (isStoreUnavailable(error)) return undefined
            throw error
          }
        } satisfies PeerSessions['read'],
    ),
  'a node that is filling is believed': () => replace(PeerNode.prototype, 'isFilling', () => () => false),
  'a node vouches, though it has not heard everybody': () =>
    replace(
      PeerNode.prototype,
      'isFilling',
      () =>
        function (this: PeerNode) {
          return !this.isFull
        },
    ),
  'the first in rank answers alone without a lease': () =>
    replace(
      PeerNode.prototype,
      'mayAnswer',
      () =>
        function (this: PeerNode, key) {
          return this.places.rank(key)[0]?.name === this.self && this.isFull && !this.isLeaving
        } satisfies PeerNode['mayAnswer'],
    ),
  'a write that skipped the first in rank does not wait for its lease': () =>
    replace(
      PeerNode.prototype,
      'noteBypassed',
      (note) =>
        function (this: PeerNode, key, nodes) {
          note.call(this, key, nodes)
          return 0
        } satisfies PeerNode['noteBypassed'],
    ),
  'nothing is owed': () => replace(Peer.prototype, 'owe', () => () => undefined),
  'a lease counts from when its answer came': () => {
    const until = new WeakMap<Peer, number>()
    const giveBackHeard = replace(
      Peer.prototype,
      'heard',
      (heard) =>
        function (this: Peer, said: Introduction, clock) {
          const { hasLease } = said as Partial<PeerReplies['ping']>
          if (hasLease !== undefined) until.set(this, hasLease ? performance.now() + LEASE_MS : 0)
          heard.call(this, said, clock)
        } satisfies Peer['heard'],
    )
    const giveBackAnswer = replace(
      PeerNode.prototype,
      'mayAnswer',
      () =>
        function (this: PeerNode, key) {
          const [first, second] = this.places.rank(key)
          const lender = this.peers.get(second?.name ?? '')
          if (first?.name !== this.self || !lender || !this.isFull || this.isLeaving) return false
          return performance.now() < (until.get(lender) ?? 0)
        } satisfies PeerNode['mayAnswer'],
    )
    return () => {
      giveBackHeard()
      giveBackAnswer()
    }
  },
  'a lease is given before the sweep has ended': () =>
    replace(
      Peer.prototype,
      'isWhole',
      () =>
        function (this: Peer, list) {
          return this.owed.size === 0 && !this.hasOtherList(list)
        } satisfies Peer['isWhole'],
    ),
  'an owed key is struck off, though it was written again meanwhile': () =>
    replace(
      Peer.prototype,
      'paid',
      (paid) =>
        function (this: Peer, notes) {
          paid.call(
            this,
            [...notes].map(([key]) => [key, this.owed.get(key) ?? 0] as const),
          )
        } satisfies Peer['paid'],
    ),
  'no copies are made up after a death': () =>
    replace(Sweeps.prototype, 'makeUpFor', () => async (peer: Peer) => peer.madeUp(peer.downSince)),
  'nothing is handed over at a drain': () => replace(Sweeps.prototype, 'handOver', () => async () => undefined),
}
