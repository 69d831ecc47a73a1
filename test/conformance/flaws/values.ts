import type { SessionRecord } from '@holdfast/core'
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
