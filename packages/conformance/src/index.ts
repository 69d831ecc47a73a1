export { storeConformance, type StoreConformanceOptions, type StoreTraits } from './store-conformance.js'
export { faulty, type Fault, type FaultyCall, type FaultyStore } from './faulty.js'
export { createClock, type TestClock } from './test-clock.js'
export { createKey, createRecord, createSuccessor, createTag, createTombstone } from './fixtures.js'
