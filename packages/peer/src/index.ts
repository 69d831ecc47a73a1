export { peerStore, type PeerStoreOptions } from './peer-store.js'
export { routeNameOf, type PeerStore } from './peer-sessions.js'
export type { PeerReport, PeerStatus } from './peer-status.js'
export { peer } from './peer-adapter.js'
