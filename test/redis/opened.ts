import type { ListsKeys, ReportsChanges, SessionRecord, SessionStore } from '@holdfast/core'
import { redis } from '@holdfast/redis'
import { randomBytes } from 'node:crypto'
import { onTestFinished } from 'vitest'

type Store = SessionStore & ListsKeys & ReportsChanges

interface Openable {
  readonly url: string
}

/** The store of a URL, as `createSessions` opens it; it closes with the test. `query`: `deadline=400`. */
export function opened({ url }: Openable, query = '', clock: () => number = Date.now): Store {
  const store = redis.open(query ? `${url}${url.includes('?') ? '&' : '?'}${query}` : url, {
    clock,
    idleMs: 1,
    absoluteMs: 1,
  }) as Store
  onTestFinished(() => store.close())
  return store
}

export const newKey = (): string => randomBytes(32).toString('base64url')

export const newRecord = (fields: Partial<SessionRecord> = {}): SessionRecord => ({
  data: '{"a":1}',
  revision: 1,
  tag: randomBytes(6).toString('base64url'),
  expiresAt: Date.now() + 600_000,
  ...fields,
})

export const newTombstone = (): SessionRecord => newRecord({ data: null, revision: Number.MAX_SAFE_INTEGER })

export const successor = (record: SessionRecord, fields: Partial<SessionRecord> = {}): SessionRecord =>
  newRecord({ revision: record.revision + 1, expiresAt: record.expiresAt, ...fields })

/** How a call ended, and how long it took in ms. */
export async function ended<T>(call: Promise<T>): Promise<{ value?: T; error?: unknown; ms: number }> {
  const startedAt = performance.now()
  try {
    const value = await call
    return { value, ms: performance.now() - startedAt }
  } catch (error) {
    return { error, ms: performance.now() - startedAt }
  }
}
