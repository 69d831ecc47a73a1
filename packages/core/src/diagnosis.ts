import type { CallOptions, SessionStore } from './store.js'

/** What was found about a server, in one sentence or two: what is wrong, with the value, and what to change. */
export interface Finding {
  /** Stable. That of the warning at start, where there is one. */
  readonly code: string
  /** `wrong`: logins are lost, or last too long, sooner or later. `advice`: worth a look. `unknown`: it could not be asked. */
  readonly level: 'wrong' | 'advice' | 'unknown'
  readonly message: string
  /** Of which servers it holds, `host:port`; absent: of the store as a whole. */
  readonly servers?: readonly string[] | undefined
}

/** A server that answered. Times in ms. */
export interface ServerReport {
  /** `host:port` */
  readonly server: string
  /** `'Redis 7.0.15, master'` */
  readonly what: string
  /** Of the median of a few calls. */
  readonly roundTripMs: number
  /** How far the clock of this process is ahead of the server's; `undefined` where it does not tell. */
  readonly aheadMs?: number | undefined
}

export interface Diagnosis {
  readonly servers: readonly ServerReport[]
  readonly findings: readonly Finding[]
}

/** A store that can look at the settings of its servers: for `doctor`, and for its own warnings. */
export interface Diagnoses {
  /** Rejects with `StoreUnavailableError` when a server does not answer. */
  diagnose(options?: CallOptions): Promise<Diagnosis>
}

export const diagnoses = (store: SessionStore): store is SessionStore & Diagnoses => 'diagnose' in store

/** One of several: the same finding about several servers is one. */
export function joinDiagnoses(all: readonly Diagnosis[]): Diagnosis {
  const found = new Map<string, Finding>()
  for (const finding of all.flatMap(({ findings }) => findings)) {
    const name = `${finding.code} ${finding.message}`
    const servers = [...(found.get(name)?.servers ?? []), ...(finding.servers ?? [])]
    found.set(name, { ...finding, ...(servers.length > 0 && { servers }) })
  }
  return { servers: all.flatMap(({ servers }) => servers), findings: [...found.values()] }
}

const ASKED = 7

/** The median time that an answer takes, in ms. */
export async function roundTripOf(ask: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  while (times.length < ASKED) {
    const sentAt = performance.now()
    await ask()
    times.push(performance.now() - sentAt)
  }
  return times.sort((a, b) => a - b)[Math.floor(ASKED / 2)] as number
}
