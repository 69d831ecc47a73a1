import type { SessionRecord } from './store.js'

export function join(a: SessionRecord, b: SessionRecord): SessionRecord {
  return a.revision >= b.revision ? a : b
}
