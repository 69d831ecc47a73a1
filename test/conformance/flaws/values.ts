import { StoreUnavailableError, type CallOptions, type SessionRecord, type WriteCondition } from '@holdfast/core'
import { MapStore } from '../map-store.js'
import type { Flaw, FlawedStore } from './flaw.js'

const keeping = (change: (record: SessionRecord, now: number) => SessionRecord): FlawedStore =>
  class extends MapStore {
    override keep(key: string, record: SessionRecord): void {
      super.keep(key, change(record, this.now()))
    }
  }

export const valueFlaws: readonly Flaw[] = [
  {
    what: 'keeps the token of another store',
    failsIn: 'records and keys',
    Store: class extends MapStore {
      override keep(key: string, record: SessionRecord): void {
        this.backend.records.set(key, { ...record })
      }
    },
  },
  {
    what: 'trims text',
    failsIn: 'records and keys',
    Store: keeping((record) => ({ ...record, data: record.data?.trim() ?? null })),
  },
  {
    what: 'takes empty data for a tombstone',
    failsIn: 'tombstones',
    Store: keeping((record) => ({ ...record, data: record.data || null })),
  },
  {
    what: 'keeps one byte per character',
    failsIn: 'records and keys',
    Store: keeping((record) => ({
      ...record,
      data: record.data && Buffer.from(record.data, 'latin1').toString('latin1'),
    })),
  },
  {
    what: 'cuts text at a NUL',
    failsIn: 'records and keys',
    Store: keeping((record) => ({ ...record, data: record.data?.split('\0')[0] ?? null })),
  },
  {
    what: 'cuts deadlines to seconds',
    failsIn: 'deadlines',
    Store: keeping((record) => ({ ...record, expiresAt: Math.floor(record.expiresAt / 1000) * 1000 })),
  },
  {
    what: 'takes more than 30 days for a date long ago',
    failsIn: 'deadlines',
    Store: keeping((record, now) => (record.expiresAt - now > 30 * 86_400_000 ? { ...record, expiresAt: 0 } : record)),
  },
  {
    what: 'ignores case in keys',
    failsIn: 'records and keys',
    Store: class extends MapStore {
      override live = (key: string) => super.live(key.toLowerCase())
      override keep = (key: string, record: SessionRecord) => super.keep(key.toLowerCase(), record)
    },
  },
]

/** Found only where the store has a limit of size. */
export const sizeFlaws: readonly Flaw[] = [
  {
    what: 'reports what is too large as an outage',
    failsIn: 'records and keys',
    Store: class extends MapStore {
      override assertFits(record: SessionRecord): void {
        try {
          super.assertFits(record)
        } catch (cause) {
          throw new StoreUnavailableError('map: SERVER_ERROR', { cause })
        }
      }
    },
  },
  {
    what: 'drops what is there for what is too large',
    failsIn: 'records and keys',
    Store: class extends MapStore {
      override async write(key: string, record: SessionRecord, condition: WriteCondition, options?: CallOptions) {
        return super.write(key, record, condition, options).catch((error: unknown) => {
          this.backend.records.delete(key)
          throw error
        })
      }
    },
  },
]
