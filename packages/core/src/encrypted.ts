import { capabilitiesOf } from './capabilities.js'
import { ConfigError } from './errors.js'
import { publishStore } from './events.js'
import { layerOver } from './layers.js'
import { isReservedKey } from './migration-record.js'
import { refuseUnknown } from './option-checks.js'
import { isSealed, openText, sealText } from './sealed-text.js'
import { sealRing, type SealRing } from './secrets.js'
import { ranksNodes, type SessionRecord, type SessionStore, type WriteOutcome } from './store.js'
import type { SessionOptions } from './types.js'

export interface EncryptedOptions {
  /** As the option `encryptionKeys` of `createSessions`. */
  readonly keys: SessionOptions['encryptionKeys']
}

/**
 * Keeps what is written unreadable for the store below: AES-256-GCM over the text of each record, bound to its key,
 * revision and tag. Tombstones, deadlines and keys stay as they are, and so does what `replicate` and `failover` note about
 * a store, a time which outlives every key, and `migrate` about a migration. A record that is not sealed is read as it is; one that
 * no key opens too, with the event `not-opened`: the engine then finds that it cannot be decoded. Goes innermost.
 */
export function encrypted(store: SessionStore, options: EncryptedOptions): SessionStore {
  const { keys, ...unknown } = options
  refuseUnknown('encrypted.', unknown)
  return sealedStore(store, sealRing('encrypted: keys', keys))
}

export function sealedStore(store: SessionStore, ring: SealRing): SessionStore {
  if (ranksNodes(store)) {
    throw new ConfigError(
      `encrypted: the store ${store.name} keeps sessions in the app servers, which have the keys. Use it without encryption.`,
    )
  }
  return layerOver('encrypted', [store], () => over(store, ring))
}

function over(store: SessionStore, { newest, keys }: SealRing): SessionStore {
  const seal = (key: string, record: SessionRecord): SessionRecord => {
    if (newest === undefined || record.data === null || isReservedKey(key)) return record
    // What no key opens is carried on as it was found, so that the other copies of it stay what they are.
    return isSealed(record.data) ? record : { ...record, data: sealText(record.data, newest, key, record) }
  }

  const open = (key: string, record: SessionRecord | undefined): SessionRecord | undefined => {
    if (!record || record.data === null || !isSealed(record.data)) return record
    const opened = openText(record.data, keys, key, record)
    if (opened.text !== undefined) return { ...record, data: opened.text }
    publishStore({ type: 'not-opened', store: store.name, reason: opened.reason })
    return record
  }

  const openCurrent = (key: string, outcome: WriteOutcome): WriteOutcome =>
    outcome.written ? outcome : { written: false, current: open(key, outcome.current) }

  return {
    name: store.name,
    ...(store.guarded !== undefined && { guarded: store.guarded }),
    read: async (key, call) => open(key, await store.read(key, call)),
    write: async (key, record, condition, call) => {
      const blind = typeof condition === 'object' ? { replaces: unread(condition.replaces) } : condition
      return openCurrent(key, await store.write(key, seal(key, record), blind, call))
    },
    touch: async (key, record, expiresAt, call) =>
      openCurrent(key, await store.touch(key, unread(record), expiresAt, call)),
    close: () => store.close(),
    ...capabilitiesOf(store),
  } satisfies SessionStore
}

/** To say which write is meant, a record needs no text. */
const unread = (record: SessionRecord): SessionRecord => (record.data === null ? record : { ...record, data: '' })
