import results from '../../faults.json' with { type: 'json' }

/** What one fault did on one kind of server, as `npm run faults` wrote it. */
export interface Cell {
  readonly row: string
  readonly title: string
  readonly column: string
  /** Visitors who were logged in, and after the fault were not. */
  readonly lost: number
  readonly sessions: number
  /** Acknowledged changes that were gone. */
  readonly missing: number
  readonly requests: number
  /** By status; `cut`: the app was gone. */
  readonly failed: Readonly<Record<string, number>>
  readonly worstWaitMs: number
  readonly recoveredMs: number
  /** What is promised. */
  readonly expected: string
  /** `'holds'`, or what does not. */
  readonly verdict: string
  readonly note: string
}

const cells: readonly Cell[] = results

/** What a page shows side by side. */
const families = {
  redis: { redis: 'one Redis', 'redis-sentinel': 'Sentinel', 'redis-cluster': 'Cluster' },
  memcached: { memcached: 'one Memcached', 'memcached-3': 'three, each session on two' },
  failover: { 'redis-standby': 'Redis, standby Redis', 'redis-memcached': 'Redis, standby Memcached' },
  hazelcast: { hazelcast: 'three members' },
  peer: { peer: 'three app servers' },
} satisfies Readonly<Record<string, Readonly<Record<string, string>>>>

export type Family = keyof typeof families

export const columnsOf = (family: Family): readonly { readonly name: string; readonly title: string }[] =>
  Object.entries(families[family]).map(([name, title]) => ({ name, title }))

export interface Fault {
  readonly row: string
  readonly title: string
  readonly on: Readonly<Record<string, Cell>>
}

/** In the order of the file. */
export function faultsOf(family: Family): readonly Fault[] {
  const own = cells.filter(({ column }) => column in families[family])
  return [...new Set(own.map(({ row }) => row))].map((row) => {
    const ofRow = own.filter((cell) => cell.row === row)
    return { row, title: ofRow[0]?.title ?? row, on: Object.fromEntries(ofRow.map((cell) => [cell.column, cell])) }
  })
}

/** A cell in words, a line for each thing that a visitor noticed. */
export function inWords({ lost, sessions, missing, requests, failed, worstWaitMs, recoveredMs }: Cell): string[] {
  const failures = Object.entries(failed).filter(([, count]) => count > 0)
  const total = failures.reduce((sum, [, count]) => sum + count, 0)
  return [
    lost === 0 ? 'nobody logged out' : `${lost} of ${sessions} logged out`,
    ...(missing > 0 ? [`${missing} stored changes gone`] : []),
    total === 0
      ? `none of ${requests} requests failed`
      : `${total} of ${requests} requests failed (${failures.map(([status]) => status).join(', ')})`,
    `longest wait ${duration(worstWaitMs)}`,
    ...(total > 0 ? [`well again after ${duration(recoveredMs)}`] : []),
  ]
}

const duration = (ms: number): string => (ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`)
