export { memoryStore, type MemoryStoreOptions } from './memory-store.js'
export { memory } from './memory-adapter.js'
