import { createKey } from '@holdfast/conformance'
import { isStoreUnavailable, type SessionStore } from '@holdfast/core'
import { until } from '../servers/until.js'

/** A deadline that no machine is too busy for: where the time of a call is not what is tested. */
export const PATIENT_MS = 5_000

/** The deadline of the stores whose faults are tested: a busy machine answers within it. */
export const DEADLINE_MS = 750
/** What a call may take then on a busy machine. */
export const IN_TIME_MS = 4_000

export interface Tried {
  readonly failed: number
  readonly worstMs: number
}

/** Calls at the same time. A failure must be `StoreUnavailableError`; anything else rejects. */
export async function tryAll(calls: readonly (() => Promise<unknown>)[]): Promise<Tried> {
  const startedAt = performance.now()
  let [failed, worstMs] = [0, 0]
  await Promise.all(
    calls.map(async (call) => {
      try {
        await call()
      } catch (error) {
        if (!isStoreUnavailable(error)) throw error
        failed += 1
      }
      worstMs = Math.max(worstMs, performance.now() - startedAt)
    }),
  )
  return { failed, worstMs }
}

/** So many reads of keys that are not there. */
export const reads = (store: SessionStore, count: number): readonly (() => Promise<unknown>)[] =>
  Array.from({ length: count }, () => () => store.read(createKey()))

/** Resolves to how long it took until a call was answered again. */
export async function recovery(store: SessionStore): Promise<number> {
  const startedAt = performance.now()
  await until('calls are answered again', async () => (await tryAll(reads(store, 1))).failed === 0)
  return performance.now() - startedAt
}
