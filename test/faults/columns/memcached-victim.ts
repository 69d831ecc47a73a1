import { faultProxy, type FaultProxy } from '../../servers/fault-proxy.js'
import { startMemcached, type MemcachedServer } from '../../servers/memcached.js'
import { until } from '../../servers/until.js'
import type { Victim } from '../column.js'
import { storedIn, type SessionServer } from './session-server.js'

/** A server of 16 MiB and the way to it. */
export interface LinkedMemcached {
  readonly server: MemcachedServer
  readonly link: FaultProxy
  stop(): Promise<void>
}

export async function linkedMemcached(): Promise<LinkedMemcached> {
  const server = await startMemcached(['-m', '16'])
  const link = await faultProxy(server)
  const stop = async (): Promise<void> => {
    await link.close()
    await server.stop()
  }
  return { server, link, stop }
}

const BALLAST_BYTES = 3 * 1024 * 1024
const BALLAST_SECONDS = 3
/** Of the sizes that sessions have: Memcached makes room among items of like size. */
const BALLAST_SIZES = [200, 250, 320, 400, 500, 640, 800, 1_000, 1_280, 1_600]
const LAST_BALLAST = `1600:${Math.ceil(BALLAST_BYTES / 1_600) - 1}`

/** A Memcached server under fault. */
export function memcachedVictim(
  { server, link }: Pick<LinkedMemcached, 'server' | 'link'>,
  kind: Pick<Victim, 'share' | 'replicas'>,
): Victim {
  return {
    ...kind,
    link,
    saves: false,
    isWatched: kind.replicas > 0,
    kill: () => server.kill(),
    restart: () => server.restart(),
    pause: () => server.pause(),
    resume: () => server.resume(),
    stored: async (id) => storedIn(await memcachedServer(server).bytes(id)),
    async evict() {
      const before = await server.stat('evictions')
      for (const size of BALLAST_SIZES) await server.fill(`${size}:`, size, BALLAST_BYTES, BALLAST_SECONDS)
      await until('it throws something away', async () => (await server.stat('evictions')) > before)
    },
    makeRoom: () => until('what filled it is over', async () => (await server.get(LAST_BALLAST)) === undefined),
  }
}

const keyOf = (id: string): string => `sess:${id}`

/** The library puts a backslash before each line break, and takes it off. */
export const memcachedServer = (server: MemcachedServer): SessionServer => ({
  bytes: async (id) => (await server.get(keyOf(id)))?.replaceAll('\\\n', '\n'),
  put: (id, bytes) => server.put(keyOf(id), bytes.replaceAll('\n', '\\\n')),
  calls: async () => ({ reads: await server.stat('cmd_get'), writes: await server.stat('cmd_set') }),
})
