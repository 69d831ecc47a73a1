import { REPLICAS } from '../../servers/redis-node.js'
import { infoOf, type RedisProcess } from '../../servers/redis-process.js'
import type { FaultProxy } from '../../servers/fault-proxy.js'
import type { Victim } from '../column.js'
import { storedIn, type SessionServer } from './session-server.js'

interface VictimParts extends Pick<Victim, 'share' | 'replicas' | 'isWatched' | 'replaced' | 'failover'> {
  readonly server: RedisProcess
  readonly link: FaultProxy
  /** A restart that is not to empty it finds what was there. */
  readonly saves?: boolean
}

/** Data of others: 500 keys in the slots of the server that is struck. */
const BALLAST = "for i = 1, 500 do redis.call('SET', KEYS[1] .. i, string.rep('x', 250)) end"

/** A Redis server under fault. */
export function redisVictim({ server, link, saves = false, ...kind }: VictimParts): Victim {
  const fill = async (policy: 'allkeys-lru' | 'noeviction'): Promise<void> => {
    await server.command('EVAL', BALLAST, 1, '{any}')
    const used = Number(await infoOf(server, 'memory', 'used_memory'))
    await server.command('CONFIG', 'SET', 'maxmemory-policy', policy)
    // Below what it uses now: some must go at once, or nothing more is taken.
    await server.command('CONFIG', 'SET', 'maxmemory', used - 64 * 1024)
  }
  return {
    ...kind,
    link,
    saves,
    kill: () => server.kill(),
    restart: (options) => server.restart(options),
    pause: async () => server.pause(),
    resume: () => server.resume(),
    stored: async (id) => storedIn(await redisServer(server).bytes(id)),
    evict: () => fill('allkeys-lru'),
    refuse: () => fill('noeviction'),
    async makeRoom() {
      await server.command('CONFIG', 'SET', 'maxmemory', 0)
      await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    },
    ...(kind.replicas > 0 && { isolate: () => link.drop({ from: REPLICAS }) }),
  }
}

const keyOf = (id: string): string => `sess:${id}`

export const redisServer = (server: RedisProcess): SessionServer => ({
  bytes: async (id) => ((await server.command('GET', keyOf(id))) as string | null) ?? undefined,
  put: async (id, bytes) => void (await server.command('SET', keyOf(id), bytes, 'KEEPTTL')),
  // A read is a GET, a write a script, whose own commands are counted too.
  async calls() {
    const stats = String(await server.command('INFO', 'commandstats'))
    const count = (name: string): number => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
    return { reads: count('get'), writes: count('eval') + count('evalsha') }
  },
})
