import { setTimeout as sleep } from 'node:timers/promises'

/** A connection that lasted so long was a good one: the next is made at once. */
const STEADY_MS = 1_000
const LEAST_PAUSE_MS = 50
const MOST_PAUSE_MS = 1_000

/**
 * Connects again and again until `signal` aborts. `connect` resolves when its connection is over, to the ms for which it
 * was usable; after one that was short or never there is a pause, which grows from 50 ms to 1 s.
 */
export async function keepConnected(connect: () => Promise<number>, signal: AbortSignal): Promise<void> {
  for (let failures = 0; !signal.aborted;) {
    failures = (await connect()) >= STEADY_MS ? 0 : failures + 1
    if (failures > 0) await sleep(pauseMs(failures), undefined, { signal, ref: false }).catch(() => {})
  }
}

/** Nodes that lost each other at the same time do not come back at the same time. */
export function pauseMs(failures: number): number {
  const most = Math.min(MOST_PAUSE_MS, LEAST_PAUSE_MS * 2 ** failures)
  return LEAST_PAUSE_MS + Math.random() * (most - LEAST_PAUSE_MS)
}
