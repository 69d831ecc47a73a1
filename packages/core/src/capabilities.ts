import { diagnoses } from './diagnosis.js'
import { askReady } from './ready.js'
import {
  type CallOptions,
  listsKeys,
  ranksNodes,
  type ReportsChanges,
  reportsChanges,
  type SessionStore,
} from './store.js'

/** What a store can beside the contract, as a wrapper of this one store passes it on. */
export const capabilitiesOf = (store: SessionStore) => ({
  ...(store.ready && { ready: (call?: CallOptions) => askReady(store, call) }),
  ...(store.health && { health: store.health.bind(store) }),
  ...(store.status && { status: store.status.bind(store) }),
  ...(store.drain && { drain: store.drain.bind(store) }),
  ...(ranksNodes(store) && { nodesOf: (key: string) => store.nodesOf(key) }),
  ...(diagnoses(store) && { diagnose: (call?: CallOptions) => store.diagnose(call) }),
  ...(listsKeys(store) && { keys: (call?: CallOptions) => store.keys(call) }),
  ...(reportsChanges(store) && { onChange: (listener: ChangeListener) => store.onChange(listener) }),
})

type ChangeListener = Parameters<ReportsChanges['onChange']>[0]
