import { isTombstone, type CallOptions, type SessionRecord, type WriteCondition } from '@holdfast/core'
import { MapStore } from '../map-store.js'
import type { Flaw } from './flaw.js'

export const lifeFlaws: readonly Flaw[] = [
  {
    what: 'hands out what is over',
    failsIn: 'deadlines',
    Store: class extends MapStore {
      override live = (key: string) => this.backend.records.get(key)
    },
  },
  {
    what: 'hides what is over from read only',
    failsIn: 'deadlines',
    Store: class extends MapStore {
      override async read(key: string, options?: CallOptions) {
        const record = await super.read(key, options)
        return record && record.expiresAt > this.now() ? record : undefined
      }
      override live = (key: string) => this.backend.records.get(key)
    },
  },
  {
    what: 'answers a tombstone as absence',
    failsIn: 'tombstones',
    Store: class extends MapStore {
      override async read(key: string, options?: CallOptions) {
        const record = await super.read(key, options)
        return isTombstone(record) ? undefined : record
      }
    },
  },
  {
    what: 'checks first and writes later',
    failsIn: 'racing writers',
    Store: class extends MapStore {
      override async write(key: string, record: SessionRecord, condition: WriteCondition, options?: CallOptions) {
        await this.admit(options)
        const current = this.live(key)
        await Promise.resolve()
        if (!this.allows(record, condition, current)) return { written: false as const, current }
        this.keep(key, record)
        return { written: true as const }
      }
    },
  },
  {
    what: 'does not say what stands there',
    failsIn: "the condition 'absent'",
    Store: class extends MapStore {
      override async write(key: string, record: SessionRecord, condition: WriteCondition, options?: CallOptions) {
        const outcome = await super.write(key, record, condition, options)
        return outcome.written ? outcome : { written: false as const, current: undefined }
      }
    },
  },
]
