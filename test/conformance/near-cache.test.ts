import { describe, test } from 'vitest'
import { storeConformance } from '@holdfast/conformance'
import { type ListsKeys, nearCache, type SessionStore } from '@holdfast/core'
import { Backend, MapStore, MAX_RECORD_BYTES } from './map-store.js'

/** The same store without its reports. */
const unreported = (store: MapStore): SessionStore & ListsKeys => ({
  name: store.name,
  read: (...call) => store.read(...call),
  write: (...call) => store.write(...call),
  touch: (...call) => store.touch(...call),
  keys: (...call) => store.keys(...call),
  close: () => store.close(),
})

const hanging = (backend: Backend) => async () => {
  backend.hangs = true
  return async () => {
    backend.hangs = false
  }
}

describe('a near cache over a store that reports changes', () => {
  const backend = new Backend()
  storeConformance({
    describe,
    test,
    createStore: ({ clock }) => nearCache(new MapStore(clock, backend), { maxStaleMs: 60_000, clock }),
    hang: hanging(backend),
    traits: { shared: true, maxRecordBytes: MAX_RECORD_BYTES },
  })
})

describe('a near cache that is bounded by time alone', () => {
  const backend = new Backend()
  storeConformance({
    describe,
    test,
    createStore: ({ clock }) => nearCache(unreported(new MapStore(clock, backend)), { maxStaleMs: 60_000, clock }),
    hang: hanging(backend),
    traits: {
      shared: true,
      maxRecordBytes: MAX_RECORD_BYTES,
      differences: {
        'what only some stores can do: what one process writes, touches and destroys, another sees at once':
          'what another process writes is seen within maxStaleMs',
      },
    },
  })
})
