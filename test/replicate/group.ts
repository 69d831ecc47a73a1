import { faulty, type FaultyStore } from '@holdfast/conformance'
import { failover, type ReplicatedStore, replicate, type SessionStore } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { onTestFinished } from 'vitest'

/** Several stores, each with its faults, and one `replicate` or `failover` over them for each process. */
export interface Group {
  readonly stores: Readonly<Record<string, FaultyStore>>
  readonly at: (name: string) => FaultyStore
  /** As another process sees it. */
  join(): ReplicatedStore
  /** The server comes back without its data, and is reached again. */
  wipe(name: string): void
}

type Open = (stores: Readonly<Record<string, SessionStore>>, clock: () => number) => ReplicatedStore

const open: Readonly<Record<'failover' | 'replicate', Open>> = {
  failover: ({ primary, standby }, clock) =>
    failover(primary as SessionStore, standby as SessionStore, { clock, idle: '1h' }),
  replicate: (stores, clock) => replicate(stores, { clock, idle: '1h' }),
}

export function startGroup(kind: 'failover' | 'replicate', clock: () => number = Date.now): Group {
  const names = kind === 'failover' ? ['primary', 'standby'] : ['a', 'b', 'c']
  const servers = new Map(names.map((name) => [name, memoryStore({ clock })]))
  const behind = (name: string): SessionStore => ({
    name,
    guarded: true,
    read: (key) => server(name).read(key),
    write: (key, record, condition) => server(name).write(key, record, condition),
    touch: (key, record, expiresAt) => server(name).touch(key, record, expiresAt),
    close: async () => undefined,
  })
  const server = (name: string): SessionStore => servers.get(name) as SessionStore
  const stores = Object.fromEntries(names.map((name) => [name, faulty(behind(name))]))
  return {
    stores,
    at: (name) => stores[name] as FaultyStore,
    join() {
      const joined = open[kind](stores, clock)
      onTestFinished(() => joined.close())
      return joined
    },
    wipe: (name) => void servers.set(name, memoryStore({ clock })),
  }
}

export const down = { kind: 'throw' } as const
