import { REPLICAS } from '../../servers/redis-node.js'
import { infoOf, type RedisProcess } from '../../servers/redis-process.js'
import type { FaultProxy } from '../../servers/fault-proxy.js'
import type { Calls, Target, Victim } from '../column.js'

interface VictimParts extends Pick<Victim, 'share' | 'replicas' | 'isWatched' | 'replaced' | 'failover'> {
  readonly server: RedisProcess
  readonly link: FaultProxy
}

/** Data of others: 500 keys in the slots of the server that is struck. */
const BALLAST = "for i = 1, 500 do redis.call('SET', KEYS[1] .. i, string.rep('x', 250)) end"
const POLICIES = { evict: 'allkeys-lru', refuse: 'noeviction' } as const

/** A Redis server under fault. */
export function redisVictim({ server, link, ...kind }: VictimParts): Victim {
  return {
    ...kind,
    link,
    kill: () => server.kill(),
    restart: (options) => server.restart(options),
    pause: () => server.pause(),
    resume: () => server.resume(),
    async fill(policy) {
      await server.command('EVAL', BALLAST, 1, '{any}')
      const used = Number(await infoOf(server, 'memory', 'used_memory'))
      await server.command('CONFIG', 'SET', 'maxmemory-policy', POLICIES[policy])
      // Below what it uses now: some must go at once, or nothing more is taken.
      await server.command('CONFIG', 'SET', 'maxmemory', used - 64 * 1024)
    },
    async makeRoom() {
      await server.command('CONFIG', 'SET', 'maxmemory', 0)
      await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    },
    ...(kind.replicas > 0 && { isolate: () => link.drop({ from: REPLICAS }) }),
  }
}

const PREFIX = 'sess:'

/** How sessions lie in Redis. `masterOf` gives the server that has a key, `masters` all that are asked. */
export function redisSessions(
  masterOf: (key: string) => Promise<RedisProcess>,
  masters: () => Promise<readonly RedisProcess[]>,
): Pick<Target, 'stored' | 'bytes' | 'put' | 'calls'> {
  const bytes = async (id: string): Promise<string | undefined> => {
    const key = PREFIX + id
    const text = (await (await masterOf(key)).command('GET', key)) as string | null
    return text ?? undefined
  }
  return {
    bytes,
    async stored(id) {
      const text = await bytes(id)
      if (text === undefined) return undefined
      const [head = '', , data = ''] = text.split('\n')
      return / dead /.test(head) ? 'destroyed' : (JSON.parse(data) as Record<string, unknown>)
    },
    async put(id, text) {
      const key = PREFIX + id
      await (await masterOf(key)).command('SET', key, text, 'KEEPTTL')
    },
    async calls() {
      const each = await Promise.all((await masters()).map(callsOf))
      return each.reduce((a, b) => ({ reads: a.reads + b.reads, writes: a.writes + b.writes }))
    },
  }
}

/** A read is a GET, a write a script, whose own commands are counted too. */
async function callsOf(server: RedisProcess): Promise<Calls> {
  const stats = String(await server.command('INFO', 'commandstats'))
  const count = (name: string): number => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
  return { reads: count('get'), writes: count('eval') + count('evalsha') }
}
