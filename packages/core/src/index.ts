export * from './errors.js'
export * from './store.js'
export type { Duration } from './duration.js'
export type * from './types.js'
export { createEngine, firstMounted, type Engine, type EngineDefaults } from './engine.js'
export {
  createBridge,
  isListed,
  type AdoptedSession,
  type AdoptedStore,
  type Bridge,
  type BridgeBase,
  type BridgeOptions,
  type DeadlineField,
  type LoadedSession,
  type StoreOptions,
} from './bridge.js'
export { administer, type Administration, type AdministerOptions, type ListedSession } from './administer.js'
export { carrySessions } from './carry-sessions.js'
export type { RequestSession } from './request-session.js'
export type { AdapterContext, StoreAdapter } from './adapters.js'
export {
  diagnoses,
  joinDiagnoses,
  roundTripOf,
  type Diagnoses,
  type Diagnosis,
  type Finding,
  type ServerReport,
} from './diagnosis.js'
export { CallGuard } from './call-guard.js'
export { CasSessions, type CasItem, type CasPort } from './cas-sessions.js'
export { GatheredWrites } from './gathered-writes.js'
export { guard } from './guard.js'
export { encrypted, type EncryptedOptions } from './encrypted.js'
export { nearCache, type NearCache, type NearCacheOptions } from './near-cache.js'
export { join } from './join.js'
export { observe } from './observe.js'
export {
  publishStore,
  warnOnce,
  type CallEvent,
  type CallOutcome,
  type SessionEvent,
  type StoreEvent,
  type StoreOperation,
} from './events.js'
export { failover, replicate, type FailoverOptions, type ReplicatedStore, type ReplicateOptions } from './replicate.js'
export { migrate, type MigrateOptions, type MigratingStatus, type MigratingStore } from './migrate.js'
export { migrationStatus, moveMigration, type MigrationStatus, type MoveOptions } from './migration-moves.js'
export { isReservedKey, type MigrationPhase } from './migration-record.js'
export type { MemberState, Replica } from './member.js'
export { Replicas, type ReplicasOptions } from './replicas.js'
export { bring } from './copies.js'
export { CallTime } from './call-time.js'
export { fnv1a, rendezvous } from './rendezvous.js'
export { EXPIRED, withDeadline } from './deadline.js'
