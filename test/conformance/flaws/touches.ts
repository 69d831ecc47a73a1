import type { CallOptions, SessionRecord } from '@holdfast/core'
import { MapStore } from '../map-store.js'
import { allowingTouch, type Flaw } from './flaw.js'

export const touchFlaws: readonly Flaw[] = [
  {
    what: 'touch brings the data of the caller along',
    failsIn: 'touch',
    Store: class extends MapStore {
      override async touch(key: string, record: SessionRecord, expiresAt: number, options?: CallOptions) {
        const outcome = await super.touch(key, record, expiresAt, options)
        if (outcome.written) this.keep(key, { ...record, expiresAt })
        return outcome
      }
    },
  },
  {
    what: 'touch moves the deadline back',
    failsIn: 'touch',
    Store: allowingTouch(
      (current, { revision, tag }) => current.data !== null && current.revision === revision && current.tag === tag,
    ),
  },
  {
    what: 'touch goes by the deadline that the caller holds',
    failsIn: 'touch',
    Store: allowingTouch(
      (current, { revision, tag, expiresAt: held }, expiresAt) =>
        current.data !== null && current.revision === revision && current.tag === tag && expiresAt > held,
    ),
  },
  {
    what: 'touch moves the deadline of whatever is there',
    failsIn: 'touch',
    Store: allowingTouch((current, _, expiresAt) => current.data !== null && expiresAt > current.expiresAt),
  },
  {
    what: 'touch ignores the tag',
    failsIn: 'touch',
    Store: allowingTouch(
      (current, { revision }, expiresAt) =>
        current.data !== null && current.revision === revision && expiresAt > current.expiresAt,
    ),
  },
  {
    what: 'touch moves the deadline of a tombstone',
    failsIn: 'tombstones',
    Store: allowingTouch(
      (current, { revision, tag }, expiresAt) =>
        current.revision === revision && current.tag === tag && expiresAt > current.expiresAt,
    ),
  },
  {
    what: 'touch changes the object that it handed out',
    failsIn: 'touch',
    Store: class extends MapStore {
      override keep(key: string, record: SessionRecord): void {
        const stored = this.backend.records.get(key)
        if (stored) Object.assign(stored, record)
        else super.keep(key, record)
      }
    },
  },
  {
    what: 'touch creates',
    failsIn: 'touch',
    Store: class extends MapStore {
      override async touch(key: string, record: SessionRecord, expiresAt: number, options?: CallOptions) {
        if (!this.live(key)) this.keep(key, record)
        return super.touch(key, record, expiresAt, options)
      }
    },
  },
]
