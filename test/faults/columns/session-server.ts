import type { Calls, Target } from '../column.js'

/** One server, asked past every proxy and adapter. */
export interface SessionServer {
  bytes(id: string): Promise<string | undefined>
  put(id: string, bytes: string): Promise<void>
  calls(): Promise<Calls>
}

/** As `Target.stored`, of the text that Redis or Memcached keeps for a session. */
export function storedIn(text: string | undefined): Awaited<ReturnType<Target['stored']>> {
  const [, kind, data = ''] = /^hf1 \d{16} (live|dead) \d{16} \S*\s([^]*)$/.exec(text ?? '') ?? []
  if (kind === undefined) return undefined
  return kind === 'dead' ? 'destroyed' : (JSON.parse(data.slice(data.indexOf('\n') + 1)) as Record<string, unknown>)
}

export interface SessionServers {
  all(): Promise<readonly SessionServer[]>
  /** Those that may have a session. Default: all. */
  serversOf?(id: string): Promise<readonly SessionServer[]>
  /** What fewer of them have counts as lost, for the next fault may take it. Default: 1. */
  readonly copies?: number
}

/** How sessions lie in servers. A tombstone on any of them is one: who reads finds it. */
export function sessionsIn({
  all,
  serversOf = all,
  copies = 1,
}: SessionServers): Pick<Target, 'stored' | 'bytes' | 'change' | 'calls'> {
  const bytesOf = async (id: string): Promise<(string | undefined)[]> =>
    Promise.all((await serversOf(id)).map((server) => server.bytes(id)))
  return {
    async stored(id) {
      const held = (await bytesOf(id)).map(storedIn).filter((one) => one !== undefined)
      if (held.includes('destroyed')) return 'destroyed'
      const fields = (held as Record<string, unknown>[]).flatMap((data) => Object.entries(data))
      const isSafe = (name: string): boolean => fields.filter(([other]) => other === name).length >= copies
      return held.length < copies ? undefined : Object.fromEntries(fields.filter(([name]) => isSafe(name)))
    },
    bytes: async (id) => (await bytesOf(id)).filter((text) => text !== undefined),
    async change(id, change, where = 'everywhere') {
      const servers = await serversOf(id)
      const texts = await bytesOf(id)
      const holders = servers.flatMap((server, i) => (texts[i] === undefined ? [] : [{ server, text: texts[i] }]))
      const changed = where === 'once' ? holders.slice(0, 1) : holders
      await Promise.all(changed.map(({ server, text }) => server.put(id, change(text))))
    },
    async calls() {
      const each = await Promise.all((await all()).map((server) => server.calls()))
      return each.reduce((a, b) => ({ reads: a.reads + b.reads, writes: a.writes + b.writes }))
    },
  }
}
