export { hazelcastStore, type HazelcastStoreOptions } from './hazelcast-store.js'
export { hazelcast } from './hazelcast-adapter.js'
