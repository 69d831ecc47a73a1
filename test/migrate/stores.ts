import { createHash } from 'node:crypto'
import { replicate, type SessionStore } from '@holdfast/core'
import { hazelcastStore } from '@holdfast/hazelcast'
import { memcachedStore } from '@holdfast/memcached'
import { memoryStore } from '@holdfast/memory'
import { peerStore, type PeerStore } from '@holdfast/peer'
import { redisStore } from '@holdfast/redis'
import { Redis } from 'ioredis'
import { connectHazelcast } from '../guarantees/hazelcast-stores.js'
import { clientSettings } from '../guarantees/redis-stores.js'
import { PEER_SECRET, type MoveSettings } from './fleet.js'
import { isAlone, nameOf, type Kind, type Pair } from './pairs.js'

/** The stores of one process, which stay open over every deployment in it. */
export interface OwnStores {
  store(kind: Kind, pair: Pair): SessionStore
  /** The peer nodes in this process. */
  readonly nodes: readonly PeerStore[]
}

/** One connection to each server for all pairs; each pair has keys, a map, a memory or peers of its own. */
export async function openStores({ servers, nodes }: MoveSettings): Promise<OwnStores> {
  const { redis, memcached, hazelcast, space } = servers
  const client = redis === undefined ? undefined : new Redis(redis, clientSettings)
  const grid = hazelcast && (await connectHazelcast(hazelcast.clusterName, hazelcast.addresses))
  const node = (at: MoveSettings['nodes']['alone']) => at && peerStore({ ...at, secret: PEER_SECRET })
  const peers = { shared: node(nodes.shared), alone: node(nodes.alone) }
  const open: Readonly<Record<Kind, (name: string, pair: Pair) => SessionStore | undefined>> = {
    memory: () => memoryStore(),
    peer(name, pair) {
      const store = peers[isAlone(pair) ? 'alone' : 'shared']
      return store && inSpace(name, store)
    },
    redis: (name) => client && redisStore({ client, prefix: `${space}:${name}:` }),
    memcached: (name) => {
      const prefix = `${space}:${name}:`
      return (
        memcached &&
        replicate(Object.fromEntries(memcached.map((server) => [server, memcachedStore({ server, prefix })])))
      )
    },
    hazelcast: (name) => grid && hazelcastStore({ client: grid, map: `sessions-${space}-${name}` }),
  }
  return {
    nodes: Object.values(peers).filter((one) => one !== undefined),
    store(kind, pair) {
      const store = open[kind](nameOf(pair), pair)
      if (!store) throw new Error(`This process was told of no ${kind} for ${nameOf(pair)}.`)
      return store
    },
  }
}

/** Under keys that no other pair has. */
function inSpace(space: string, store: SessionStore): SessionStore {
  const keyOf = (key: string): string => createHash('sha256').update(`${space} ${key}`).digest('base64url')
  return {
    name: store.name,
    guarded: true,
    read: (key, options) => store.read(keyOf(key), options),
    write: (key, record, condition, options) => store.write(keyOf(key), record, condition, options),
    touch: (key, record, expiresAt, options) => store.touch(keyOf(key), record, expiresAt, options),
    close: () => store.close(),
  }
}
